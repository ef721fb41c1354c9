// What TF.js answers: jobs as JSON on stdin, [{model, inputs: [{shape, dtype, values}]}], answers on stdout in that
// order, each with `outputs` or with an `error`.
'use strict';
const fs = require('fs');
const path = require('path');
const log = console.log;
console.log = console.warn = () => {};  // TF.js advertises its native backend
const tf = require('@tensorflow/tfjs');

function handler(file) {
  return {
    load: async () => {
      const {weightsManifest, ...rest} = JSON.parse(fs.readFileSync(file));
      const bytes = Buffer.concat(weightsManifest.flatMap(
          (group) => group.paths.map((name) => fs.readFileSync(path.join(path.dirname(file), name)))));
      const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
      return {...rest, weightData, weightSpecs: weightsManifest.flatMap((group) => group.weights)};
    },
  };
}

async function answer({model, inputs}) {
  try {
    const tensors = inputs.map(({values, shape, dtype}) => tf.tensor(values, shape, dtype));
    const loaded = await tf.loadLayersModel(handler(model));
    const outputs = [].concat(loaded.predict(tensors.length > 1 ? tensors : tensors[0]));
    return {outputs: outputs.map((one) => ({shape: one.shape, values: Array.from(one.dataSync())}))};
  } catch (error) {
    return {error: error.message};
  }
}

async function main() {
  await tf.setBackend('cpu');
  const answers = [];
  for (const job of JSON.parse(fs.readFileSync(0))) answers.push(await answer(job));
  log(JSON.stringify(answers));
}

main();
