/** Reads the vectors that both clients share: see tests/vectors/README.md. */
import { readFileSync } from 'node:fs';

const folder = new URL('../../tests/vectors/', import.meta.url);

/** @param {string} name */
export const rows = (name) =>
  JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));

/** A *text* of the vectors as bytes. */
export function bytesOf(text) {
  if (Array.isArray(text)) {
    return Buffer.concat(text.map(bytesOf));
  }
  if (typeof text === 'string') {
    return Buffer.from(text);
  }
  if ('base64' in text) {
    return Buffer.from(text.base64, 'base64');
  }
  return Buffer.from(text.repeat.repeat(text.times));
}
