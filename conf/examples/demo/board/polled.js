/* The page as it was: it asks every two seconds, whether something has changed
 * or not; here for as many visitors as somebody wants to see. */

import { show } from './board.js';

async function poll() {
  const answer = await fetch('board.cgi', { cache: 'no-store' });
  return answer.json();
}

async function all() {
  const { valueAsNumber: visitors, validity } =
    document.getElementById('visitors');
  const count = validity.valid ? visitors : 1;
  const [board] = await Promise.all(Array.from({ length: count }, poll));
  show('polled', board);
}

setInterval(() => all().catch(console.warn), 2000);
