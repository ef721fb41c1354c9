#!/usr/bin/env bash
# @tensorflow/tfjs 4.22.0: a mask is handed on to every layer that runs later, also behind a layer that ends it: the second
# LSTM below, behind RepeatVector, takes the first one's mask and holds its output from the third step on. Needs Node.
# Seen:  steps that differ from the step before: false,true,false,false; with the layers called by hand: false,true,true,true
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-fund --prefix "$folder" @tensorflow/tfjs@4.22.0
cat >"$folder/run.js" <<'JS'
const log = console.log;
console.log = console.warn = () => {};
const tf = require('@tensorflow/tfjs');

const moves = (values) => values.map((row, step) => step > 0 && row[0] !== values[step - 1][0]);

tf.setBackend('cpu').then(() => {
  const model = tf.sequential({layers: [
    tf.layers.masking({maskValue: 0, inputShape: [4, 2]}),
    tf.layers.lstm({units: 3}),
    tf.layers.repeatVector({n: 4}),
    tf.layers.lstm({units: 2, returnSequences: true}),
  ]});
  const x = tf.tensor3d([[[1, 2], [3, 4], [0, 0], [0, 0]]]);
  const [masking, first, repeat, second] = model.layers;
  const last = first.apply(masking.apply(x), {mask: tf.tensor2d([[1, 1, 0, 0]])});
  const inModel = moves(model.predict(x).arraySync()[0]);
  const byHand = moves(second.apply(repeat.apply(last)).arraySync()[0]);
  log(`steps that differ from the step before: ${inModel}; with the layers called by hand: ${byHand}`);
  if (tf.version.tfjs !== '4.22.0' || `${inModel}` === `${byHand}`) throw new Error('the mask ends now');
});
JS
node "$folder/run.js"
