import assert from 'node:assert/strict';
import test from 'node:test';

import { count } from './plugin.mjs';
import { callForTest } from './timbot_plugin.mjs';

test('counts the words of any language', async () => {
  assert.deepEqual(await count({ text: '你好，世界! Hello world' }, callForTest()), { count: 4, words: ['你好', '世界', 'Hello', 'world'] });
});

test('replies in the conversation of the call', async () => {
  const said = [];
  await count({ text: 'a b' }, callForTest({ conversation: 'c2c_alice', bot: { reply: async (text) => said.push(text) } }));
  assert.deepEqual(said, ['2: a · b']);
});
