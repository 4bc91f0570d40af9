// bench_onnxruntime.js MODEL CORES: images per second, on one thread and on all cores.
'use strict';
const ort = require('onnxruntime-node');

const N_IMAGES = 1000;

async function seconds(session, batch) {
  const data = Float32Array.from({length: batch * 3072}, () => 255 * Math.random());
  const input = new ort.Tensor('float32', data, [batch, 3, 32, 32]);
  let shortest = Infinity;
  for (let run = 0; run < 4; run++) { // the first prepares caches
    const start = process.hrtime.bigint();
    for (let done = 0; done < N_IMAGES; done += batch) {
      await session.run({input});
    }
    const time = Number(process.hrtime.bigint() - start) * 1e-9;
    shortest = run > 0 && time < shortest ? time : shortest;
  }
  return shortest;
}

async function main() {
  const [model, cores] = [process.argv[2], Number(process.argv[3])];
  for (const threads of new Set([1, cores])) {
    const session = await ort.InferenceSession.create(model, {
      intraOpNumThreads: threads, interOpNumThreads: 1, graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
    });
    const times = [];
    for (const batch of [20, 100]) {
      times.push(await seconds(session, batch));
    }
    const figure = `ResNet-20, 1000 images, float32, ${threads} thread${threads > 1 ? 's' : ''}`;
    console.log([figure, 'onnxruntime 1.16.3', 'images/s',
      (N_IMAGES / Math.min(...times)).toPrecision(6)].join('\t'));
  }
}

main().catch((error) => {
  console.error(`bench_onnxruntime.js: ${error.message}`);
  process.exit(1);
});
