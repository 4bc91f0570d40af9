// bench_onnxruntime.js MODEL CORES FILE...: images per second through MODEL, on one thread
// and on all cores, and milliseconds until a session is made of each FILE that is there.
'use strict';
const fs = require('fs');
const path = require('path');
const ort = require('onnxruntime-node');

const N_IMAGES = 1000;
const PEER = 'onnxruntime 1.16.3';

// Seconds by the clocks of bench.h: of one thread processor time, else the time that
// passes.
const wall = () => Number(process.hrtime.bigint()) * 1e-9;
function processor() {
  const {user, system} = process.cpuUsage();
  return (user + system) * 1e-6;
}

async function shortest(runs, clock, work) {
  let least = Infinity;
  for (let run = 0; run <= runs; run++) { // the first prepares caches
    const start = clock();
    await work();
    const time = clock() - start;
    least = run > 0 && time < least ? time : least;
  }
  return least;
}

function open(model, threads) {
  return ort.InferenceSession.create(model, {
    intraOpNumThreads: threads, interOpNumThreads: 1, graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  });
}

function seconds(session, batch, clock) {
  const data = Float32Array.from({length: batch * 3072}, () => 255 * Math.random());
  const input = new ort.Tensor('float32', data, [batch, 3, 32, 32]);
  return shortest(3, clock, async () => {
    for (let done = 0; done < N_IMAGES; done += batch) {
      await session.run({input});
    }
  });
}

function print(figure, unit, value) {
  console.log([figure, PEER, unit, value.toPrecision(6)].join('\t'));
}

async function main() {
  const [model, cores, ...files] = process.argv.slice(2);
  for (const threads of new Set([1, Number(cores)])) {
    const session = await open(model, threads);
    const times = [];
    for (const batch of [20, 100]) {
      times.push(await seconds(session, batch, threads > 1 ? wall : processor));
    }
    const figure = `ResNet-20, 1000 images, float32, ${threads} thread${threads > 1 ? 's' : ''}`;
    print(figure, 'images/s', N_IMAGES / Math.min(...times));
  }
  for (const file of files.filter(fs.existsSync)) {
    const time = await shortest(20, processor, () => open(file, 1));
    print(`import of ${path.basename(file)}`, 'ms', 1e3 * time);
  }
}

main().catch((error) => {
  console.error(`bench_onnxruntime.js: ${error.message}`);
  process.exit(1);
});
