/* The same page, pushed: the browser's own EventSource, which reconnects by
 * itself. */

import { show } from './board.js';

const visitor = `visitor-${crypto.getRandomValues(new Uint32Array(1))}`;
const leave = document.getElementById('leave');
let stream;

function follow() {
  stream = new EventSource(
    `/ramen/receive?user=${visitor}&channel=board&from=oldest`,
  );
  stream.onmessage = ({ data }) => show('pushed', JSON.parse(data));
}

leave.addEventListener('click', () => {
  const left = stream.readyState !== EventSource.CLOSED;
  if (left) {
    stream.close();
  } else {
    follow();
  }
  leave.setAttribute('aria-pressed', left);
  leave.textContent = left ? 'Come back' : 'Leave';
});

addEventListener('pagehide', () => stream.close());
follow();
