import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

test('CommonJS takes the package by import()', async () => {
  const file = fileURLToPath(new URL('commonjs.cjs', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [file]);
  assert.equal(stdout, 'function function\n');
});
