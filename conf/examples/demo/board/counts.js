/* What the application counted since this page is open, as rates and sums. */

const EVERY_MS = 2000;
const MINUTE_MS = 60000;
const readings = []; // of the last minute
let first = null;

function put(id, text) {
  document.getElementById(id).textContent = text;
}

function show(side, now) {
  const begin = readings[0];
  const time = now.time - begin.time;
  const more = now[side].requests - begin[side].requests;
  put(`${side}-rate`, time ? Math.round((more / time) * MINUTE_MS) : '–');
  put(`${side}-requests`, now[side].requests - first[side].requests);
  put(`${side}-bytes`, now[side].bytes - first[side].bytes);
}

async function read() {
  const answer = await fetch('board.cgi?counts', { cache: 'no-store' });
  const now = { ...(await answer.json()), time: performance.now() };
  first ??= now;
  readings.push(now);
  while (readings[0].time < now.time - MINUTE_MS) {
    readings.shift();
  }
  show('polled', now);
  show('pushed', now);
}

const turn = () => read().catch(console.warn);

turn();
setInterval(turn, EVERY_MS);
