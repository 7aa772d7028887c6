// A shop of Express with @fanoutio/serve-grip, both as npm has them.
//   node app.mjs PORT CONTROL-URI
import {
  HttpResponseFormat,
  HttpStreamFormat,
  Item,
  validateSig,
} from '@fanoutio/grip';
import { ServeGrip } from '@fanoutio/serve-grip';
import express from 'express';

const [port, control_uri] = process.argv.slice(2);
const serveGrip = new ServeGrip({
  grip: { control_uri, control_iss: 'realm', key: 'changeme' },
  gripProxyRequired: true,
});
const app = express();

app.use(async (request, response, next) => {
  const signed = await validateSig(
    request.headers['grip-sig'] ?? '',
    'changeme',
    'realm',
  );
  if (signed) {
    next();
  } else {
    response.status(501).send('not signed');
  }
});
app.use(serveGrip);

app.get('/stream', (request, response) => {
  const instruct = response.grip.startInstruct();
  instruct.addChannel('city.rome');
  instruct.setHoldStream();
  instruct.setKeepAlive('event: keep-alive\ndata:\n\n', 20);
  instruct.meta = { user: 'ada' };
  response.setHeader('Content-Type', 'text/event-stream');
  response.end('event: stream-open\ndata: hello\n\n');
});

app.get('/wait', (request, response) => {
  const instruct = response.grip.startInstruct();
  instruct.addChannel('city.rome');
  instruct.setHoldLongPoll(Number(request.query.seconds));
  response.setHeader('Content-Type', 'text/plain');
  response.end('no news');
});

app.post('/say', async (request, response) => {
  const { text } = request.query;
  const formats = [
    new HttpStreamFormat(`event: message\ndata: ${text}\n\n`),
    new HttpResponseFormat({
      code: 201,
      reason: 'Said',
      headers: { 'Content-Type': 'text/plain', 'X-Said': 'yes' },
      body: `${text}\n`,
    }),
  ];
  await serveGrip.getPublisher().publishFormats('city.rome', formats);
  response.send('said');
});

app.post('/binary', async (request, response) => {
  const text = new TextEncoder().encode('data: bytes\n\n');
  const item = new Item(new HttpStreamFormat(text), '8', '7');
  await serveGrip.getPublisher().publish('city.rome', item);
  response.send('said');
});

app.post('/close', async (request, response) => {
  await serveGrip
    .getPublisher()
    .publishFormats('city.rome', new HttpStreamFormat(null, true));
  response.send('closed');
});

app.listen(Number(port), '127.0.0.1');
