/*
 * Follows a rider's trip. Build it with
 *   npx esbuild app.jsx --bundle --format=esm --outdir=.
 * and serve it beside a Location `/ramen` with `PushUser query:user`.
 */
import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import {
  usePushClient,
  usePushMessage,
  usePushState,
} from 'mod-push-client/react';
import { tabs } from 'mod-push-client/tabs';

const OPTIONS = { share: tabs };

function Trip({ rider }) {
  const client = usePushClient(`/ramen?user=${rider}`, OPTIONS);
  const state = usePushState(client);
  const [stage, setStage] = useState('no trip yet');
  const [messages, setMessages] = useState([]);

  usePushMessage(client, 'trip', (message) => setStage(message.json().stage));
  usePushMessage(client, 'message', ({ data, mid }) =>
    setMessages((before) => [{ data, mid }, ...before].slice(0, 20)),
  );

  return (
    <section>
      <p role="status">{state}</p>
      <h1>{stage}</h1>
      <ul>
        {messages.map(({ data, mid }) => (
          <li key={mid}>{data}</li>
        ))}
      </ul>
    </section>
  );
}

function App() {
  const asked = new URLSearchParams(location.search).get('user') ?? 'anna';
  const [rider, setRider] = useState(asked);
  return (
    <>
      <label>
        Rider <input value={rider} onChange={(e) => setRider(e.target.value)} />
      </label>
      <Trip rider={rider} />
    </>
  );
}

createRoot(document.getElementById('root')).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
