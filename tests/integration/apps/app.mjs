// An application behind mod_proxy_http: it answers what a file says (apps.h).
//   node app.mjs PORT DIRECTORY
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { deflateSync, gzipSync } from 'node:zlib';

const [port, directory] = process.argv.slice(2);

function load(name) {
  const text = readFileSync(join(directory, name), 'utf8');
  const end = text.indexOf('\n\n');
  const [status, ...lines] = text.slice(0, end).split('\n');
  const answer = { status: Number(status), headers: [], orders: {} };
  for (const line of lines) {
    const [key, value] = line.split(/: (.*)/s);
    if (key.startsWith('!')) {
      answer.orders[key.slice(1)] = Number(value);
    } else {
      answer.headers.push(key, value);
    }
  }
  answer.trailers = [];
  for (let n = answer.orders.trailers ?? 0; n > 0; n--) {
    answer.trailers.unshift(answer.headers.splice(-2));
  }
  answer.body = Buffer.from(text.slice(end + 2));
  return answer;
}

function encoded(answer) {
  if (answer.orders.gzip) {
    answer.headers.push('Content-Encoding', 'gzip');
    answer.body = gzipSync(answer.body);
  } else if (answer.orders.deflate) {
    answer.headers.push('Content-Encoding', 'deflate');
    answer.body = deflateSync(answer.body);
  }
  return answer.body;
}

async function say(answer, response) {
  const { cut, parts, gate } = answer.orders;
  const body = encoded(answer);
  response.writeHead(answer.status, answer.headers);
  if (cut) {
    response.write(body.subarray(0, cut));
    await pause(100);
    response.destroy();
    return;
  }
  if (answer.trailers.length) {
    response.write(body);
    response.addTrailers(answer.trailers);
    response.end();
    return;
  }
  if (parts) {
    const size = Math.ceil(body.length / parts);
    for (let at = 0; at < body.length; at += size) {
      response.write(body.subarray(at, at + size));
      const end = Date.now() + 60_000;
      do {
        await pause(gate ? 20 : 200);
      } while (gate && !existsSync(join(directory, 'gate')) && Date.now() < end);
    }
  }
  response.end(parts ? undefined : body);
}

let connections = 0;

createServer((request, response) => {
  const name = basename(request.url.split('?')[0]);
  if (name === 'connections') {
    response.end(String(connections));
    return;
  }
  if (name === 'mirror') {
    response.end(JSON.stringify(request.headers));
    return;
  }
  say(load(name), response);
})
  .on('connection', () => {
    connections++;
  })
  .listen(Number(port), '127.0.0.1');
