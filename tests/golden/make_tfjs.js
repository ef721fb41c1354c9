// Models of TF.js as it saves them itself, and what it answers: node make_tfjs.js FOLDER
// A folder for each model: model.json, its shards, and answer.json with inputs, types, outputs and, where the model was
// trained, the losses of the steps after it was saved.
'use strict';
const fs = require('fs');
const path = require('path');
process.env.TF_CPP_MIN_LOG_LEVEL = '3';
const log = console.log;
console.log = console.warn = () => {};  // TF.js advertises its native backend
const tf = require('@tensorflow/tfjs');

const L = tf.layers;
const SHARD = 997;  // bytes, so that weights cross from one shard to the next

let state = 12345;
function draw() {  // from -1 to 1, the same in every run
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 31 - 1;
}
function random(shape, scale = 1) {
  return tf.tensor(Array.from({length: tf.util.sizeFromShape(shape)}, () => Math.fround(draw() * scale)), shape);
}
function randomize(model) {
  const weights = model.weights;
  model.setWeights(weights.map((weight) => {
    const values = random(weight.shape, 0.7);
    return /variance/.test(weight.originalName) ? values.abs().add(0.5) : values;
  }));
}

function save(model, folder, config) {
  return model.save(tf.io.withSaveHandler(async (artifacts) => {
    const {weightData, weightSpecs, ...rest} = artifacts;
    const bytes = Buffer.from(weightData);
    const paths = [];
    fs.mkdirSync(folder, {recursive: true});
    const count = Math.max(1, Math.ceil(bytes.length / SHARD));
    for (let index = 0; index < count; index++) {
      paths.push(`./group1-shard${index + 1}of${count}.bin`);
      fs.writeFileSync(path.join(folder, paths[index]), bytes.subarray(index * SHARD, (index + 1) * SHARD));
    }
    const manifest = [{paths, weights: weightSpecs}];
    fs.writeFileSync(path.join(folder, 'model.json'), JSON.stringify({...rest, weightsManifest: manifest}));
    return {modelArtifactsInfo: {dateSaved: new Date(0), modelTopologyType: 'JSON'}};
  }), config);
}

function plain(tensor) {
  return {shape: tensor.shape, dtype: tensor.dtype, values: Array.from(tensor.dataSync())};
}

function answer(model, inputs) {
  const outputs = model.predict(inputs.length > 1 ? inputs : inputs[0]);
  return {inputs: inputs.map(plain), outputs: [].concat(outputs).map(plain)};
}

const MODELS = {
  // Masks: held at masked steps, in front too; `hard_sigmoid` by default.
  masked: () => {
    const model = tf.sequential({layers: [
      L.embedding({inputDim: 9, outputDim: 3, maskZero: true, inputLength: 6, name: 'words'}),
      L.bidirectional({layer: L.lstm({units: 4, returnSequences: true})}),
      L.gru({units: 5, returnSequences: true, goBackwards: true}),
      L.bidirectional({layer: L.simpleRNN({units: 2, returnSequences: true, unroll: true}), mergeMode: 'mul'}),
      L.lstm({units: 3, recurrentActivation: 'sigmoid', unitForgetBias: false}),
      L.dense({units: 7, activation: 'softmax'}),
    ]});
    const words = [[0, 3, 1, 0, 0, 0], [2, 0, 8, 4, 0, 0], [5, 6, 7, 1, 2, 3], [0, 0, 0, 0, 0, 0]];
    return [model, [tf.tensor2d(words, [4, 6], 'int32')]];
  },
  // What is given at masked steps, in front of the others too: what was held, the initial state at first.
  held: () => {
    const [x, h] = [tf.input({shape: [5, 3]}), tf.input({shape: [4]})];
    const both = L.bidirectional({layer: L.lstm({units: 2, returnSequences: true})}).apply(L.masking().apply(x));
    const steps = L.gru({units: 4, returnSequences: true}).apply([L.masking().apply(x), h]);
    const mask = tf.tensor([0, 1, 0, 1, 0, 1, 1, 1, 1, 0]).reshape([2, 5, 1]);
    return [tf.model({inputs: [x, h], outputs: [both, steps]}), [random([2, 5, 3]).mul(mask), random([2, 4])]];
  },
  // A graph: states handed on, a nested model, a shared layer, two outputs.
  graph: () => {
    const first = tf.input({shape: [5, 3], name: 'first'});
    const second = tf.input({shape: [4, 3], name: 'second'});
    const states = L.lstm({units: 4, returnState: true, returnSequences: true, name: 'encoder'}).apply(first);
    const decoded = L.lstm({units: 4, returnSequences: true, name: 'decoder'})
        .apply([second, states[1], states[2]]);
    const inner = tf.sequential({name: 'inner', layers: [
      L.dense({units: 6, activation: 'elu', inputShape: [4], name: 'deep'}),
      L.batchNormalization({name: 'norm'}),
      L.dense({units: 4, activation: null, useBias: false, name: 'deeper'}),
    ]});
    const shared = L.dense({units: 3, activation: 'hardSigmoid', name: 'shared'});
    const mean = L.globalAveragePooling1d().apply(decoded);
    const deep = inner.apply(mean);
    const dots = L.dot({axes: -1, normalize: true}).apply([L.add().apply([deep, states[1]]), mean]);
    const out = L.concatenate({name: 'out'}).apply([shared.apply(deep), shared.apply(states[2]), dots]);
    const steps = L.timeDistributed({layer: L.dense({units: 2, activation: 'selu'}), name: 'steps'}).apply(states[0]);
    return [tf.model({inputs: [first, second], outputs: [steps, out]}), [random([2, 5, 3]), random([2, 4, 3])]];
  },
  // Stacked cells, masks in front of them, a cell by itself.
  cells: () => {
    const cell = L.stackedRNNCells({cells: [L.lstmCell({units: 2}), L.gruCell({units: 3})]});
    const model = tf.sequential({layers: [
      L.masking({maskValue: 0.25, inputShape: [5, 2]}),
      L.rnn({cell, returnSequences: true}),
      L.bidirectional({layer: L.lstm({units: 4, activation: 'relu'}), mergeMode: 'ave'}),
      L.reshape({targetShape: [2, 2]}),
      L.flatten(),
      L.reshape({targetShape: [-1, 2]}),
    ]});
    return [model, [random([3, 5, 2])]];
  },
  // Images.
  images: () => {
    const model = tf.sequential({layers: [
      L.conv2d({filters: 3, kernelSize: [3, 2], padding: 'same', strides: [1, 2], activation: 'relu6', inputShape: [6, 8, 2]}),
      L.depthwiseConv2d({kernelSize: 2, depthMultiplier: 2, padding: 'same'}),
      L.leakyReLU(),
      L.separableConv2d({filters: 4, kernelSize: 2, padding: 'same'}),
      L.prelu({sharedAxes: [1, 2]}),
      L.thresholdedReLU({theta: 0.05}),
      L.batchNormalization({epsilon: 0.01}),
      L.conv2dTranspose({filters: 2, kernelSize: 3, strides: 2, padding: 'same', activation: 'softplus'}),
      L.averagePooling2d({poolSize: 3, strides: 2, padding: 'same'}),
      L.upSampling2d({size: [2, 1]}),
      L.zeroPadding2d({padding: [[1, 0], [0, 2]]}),
      L.cropping2D({cropping: [[0, 1], [1, 0]]}),
      L.maxPooling2d({poolSize: 2, strides: 1}),
      L.layerNormalization(),
      L.elu({alpha: 1}),
      L.permute({dims: [2, 1, 3]}),
      L.dropout({rate: 0.5}),
      L.globalMaxPooling2d({}),
      L.activation({activation: 'swish'}),
    ]});
    return [model, [random([2, 6, 8, 2])]];
  },
  // A sequence of images.
  films: () => [
    tf.sequential({layers: [
      L.convLstm2d({filters: 2, kernelSize: 3, inputShape: [3, 5, 6, 2], returnSequences: true}),
      L.convLstm2d({filters: 3, kernelSize: 2, recurrentActivation: 'sigmoid'}),
      L.flatten(),
      L.dense({units: 2}),
    ]}),
    [random([2, 3, 5, 6, 2])],
  ],
};

// Compiled, trained and saved with the optimizer, which then goes on.
const OPTIMIZERS = {
  adam: () => tf.train.adam(0.02, 0.8, 0.99),
  momentum: () => tf.train.momentum(0.05, 0.7, true),
  sgd: () => tf.train.sgd(0.1),
  adagrad: () => tf.train.adagrad(0.1, 0.2),
  rmsprop: () => tf.train.rmsprop(0.01),
};

async function train(name, folder) {
  const model = tf.sequential({layers: [
    L.lstm({units: 3, inputShape: [4, 2]}),
    L.dense({units: 2, activation: 'sigmoid'}),
  ]});
  randomize(model);
  model.compile({optimizer: OPTIMIZERS[name](), loss: 'meanSquaredError', metrics: ['mse']});
  const [x, y] = [random([6, 4, 2]), random([6, 2])];
  for (let step = 0; step < 3; step++) await model.trainOnBatch(x, y);
  await save(model, folder, {includeOptimizer: true});
  const losses = [];
  const record = {...answer(model, [x]), targets: plain(y)};
  for (let step = 0; step < 4; step++) losses.push((await model.trainOnBatch(x, y))[0]);
  return {...record, losses};
}

async function main(folder) {
  await tf.setBackend('cpu');
  for (const name of Object.keys(MODELS)) {
    state = 12345;
    const [model, inputs] = MODELS[name]();
    randomize(model);
    await save(model, path.join(folder, name));
    fs.writeFileSync(path.join(folder, name, 'answer.json'), JSON.stringify(answer(model, inputs)));
  }
  for (const name of Object.keys(OPTIMIZERS)) {
    state = 12345;
    const record = await train(name, path.join(folder, name));
    fs.writeFileSync(path.join(folder, name, 'answer.json'), JSON.stringify(record));
  }
  log(tf.version.tfjs);
}

main(process.argv[2]).catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
