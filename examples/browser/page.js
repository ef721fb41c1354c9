// Draws, counts pixels as the training data did, runs the model, and shows what it gives.
import * as ort from "./ort.wasm.min.mjs";

const SIZE = 32; // of the drawing; each pixel of the model counts the black ones of a square of 4 by 4
const CELLS = 8;
const byId = (id) => document.getElementById(id);
const canvas = byId("drawing");
const ink = canvas.getContext("2d", { willReadFrequently: true });

ort.env.wasm.numThreads = 1; // several need headers that a plain file server does not send
ort.env.wasm.wasmPaths = new URL("./", import.meta.url).href;

/** How black each pixel is, 0 to 16, row by row. */
function countPixels() {
  const { data } = ink.getImageData(0, 0, SIZE, SIZE);
  const counts = new Array(CELLS * CELLS).fill(0);
  for (let y = 0; y < SIZE; y += 1) {
    for (let x = 0; x < SIZE; x += 1) {
      const isBlack = data[4 * (y * SIZE + x) + 3] > 127;
      counts[CELLS * Math.floor(y / 4) + Math.floor(x / 4)] += isBlack ? 1 : 0;
    }
  }
  return counts;
}

// In which order the sixteen of a square are filled, spread over it, so that what is half black looks grey.
const ORDER = [0, 8, 2, 10, 12, 4, 14, 6, 3, 11, 1, 9, 15, 7, 13, 5];

/** Draws what countPixels would count as these numbers. */
function draw(counts) {
  counts.forEach((count, cell) => {
    ORDER.forEach((place, number) => {
      if (place >= count) return;
      ink.fillRect(4 * (cell % CELLS) + (number % 4), 4 * Math.floor(cell / CELLS) + Math.floor(number / 4), 1, 1);
    });
  });
}

/** A picture of (steps, units) in the range -1 to 1, a column a step. */
function show(id, values, steps, units) {
  const picture = byId(id);
  picture.style.gridTemplateRows = `repeat(${units}, auto)`;
  const cells = [];
  for (let step = 0; step < steps; step += 1) {
    for (let unit = 0; unit < units; unit += 1) {
      const value = values[step * units + unit];
      const cell = document.createElement("i");
      const strength = Math.round(255 * (1 - Math.min(1, Math.abs(value))));
      cell.style.background = value < 0 ? `rgb(${strength} ${strength} 255)` : `rgb(255 ${strength} ${strength})`;
      cell.title = value.toPrecision(9);
      cells.push(cell);
    }
  }
  picture.replaceChildren(...cells);
}

let session;

async function run(counts) {
  const columns = new Float32Array(CELLS * CELLS);
  for (let row = 0; row < CELLS; row += 1) {
    for (let column = 0; column < CELLS; column += 1) {
      columns[column * CELLS + row] = counts[row * CELLS + column] / 16;
    }
  }
  byId("link").href = `?pixels=${counts.join(",")}`;
  const answers = await session.run({ columns: new ort.Tensor("float32", columns, [1, CELLS, CELLS]) });
  const probabilities = Array.from(answers.probabilities.data);
  const best = probabilities.indexOf(Math.max(...probabilities));
  byId("prediction").textContent = counts.some((count) => count > 0) ? String(best) : "?";
  byId("probabilities").replaceChildren(
    ...probabilities.map((probability, digit) => {
      const line = document.createElement("li");
      const meter = document.createElement("meter");
      meter.value = probability;
      line.append(String(digit), meter, `${(100 * probability).toFixed(1)} %`);
      line.title = probability.toPrecision(9);
      return line;
    }),
  );
  show("pixels", columns, CELLS, CELLS);
  show("both_ways", answers.both_ways.data, CELLS, answers.both_ways.dims[2]);
  show("reader", answers.reader.data, CELLS, answers.reader.dims[2]);
}

// One run at a time: while one is under way the last drawing waits.
let waiting = null;
let isRunning = false;

async function update(counts) {
  waiting = counts;
  if (isRunning) return;
  isRunning = true;
  try {
    while (waiting) {
      const next = waiting;
      waiting = null;
      await run(next);
    }
    document.body.dataset.state = "ready";
  } catch (error) {
    byId("message").textContent = `The model could not be run: ${error.message}`;
    document.body.dataset.state = "failed";
  } finally {
    isRunning = false;
  }
}

/** The pixels that the address gives, or null; others are refused. */
function pixelsOfAddress() {
  const given = new URLSearchParams(location.search).get("pixels");
  if (given === null) return null;
  const counts = given.split(",").map(Number);
  if (counts.length !== CELLS * CELLS || !counts.every((one) => Number.isInteger(one) && one >= 0 && one <= 16)) {
    throw new Error("`pixels` must be 64 whole numbers from 0 to 16, separated by commas.");
  }
  return counts;
}

let last = null;

function place(event) {
  const { left, top, width, height } = canvas.getBoundingClientRect();
  return [(SIZE * (event.clientX - left)) / width, (SIZE * (event.clientY - top)) / height];
}

/** Draws from the last place to that of the event, which may be the same. */
function stroke(event) {
  const next = place(event);
  ink.lineWidth = 4;
  ink.lineCap = "round";
  ink.beginPath();
  ink.moveTo(...last);
  ink.lineTo(...next);
  ink.stroke();
  last = next;
  if (session) update(countPixels());
}

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  last = place(event);
  stroke(event);
});
canvas.addEventListener("pointermove", (event) => {
  if (last !== null) stroke(event);
});
for (const name of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(name, () => {
    last = null;
  });
}
byId("clear").addEventListener("click", () => {
  ink.clearRect(0, 0, SIZE, SIZE);
  update(countPixels());
});

try {
  const given = pixelsOfAddress();
  session = await ort.InferenceSession.create("digits.onnx", { executionProviders: ["wasm"] });
  draw(given ?? []);
  await update(countPixels());
} catch (error) {
  byId("message").textContent = error.message;
  document.body.dataset.state = "failed";
}
