// Tests of the actions: npm test. `timbot plugin test .` tests how the program behaves towards a bot.

import assert from 'node:assert/strict';
import test from 'node:test';

import { greet } from './plugin.mjs';
import { callForTest } from './timbot_plugin.mjs';

test('greets in English unless told otherwise', async () => {
  assert.deepEqual(await greet({ who: 'Ann' }, callForTest()), { text: 'Hello, Ann!', letters: 3 });
});

test('greets in Chinese', async () => {
  assert.deepEqual(await greet({ who: '小明', lang: 'zh' }, callForTest()), { text: '你好, 小明!', letters: 2 });
});

test('somebody is needed', async () => {
  await assert.rejects(greet({ who: ' ' }, callForTest()), { code: 'nobody' });
});
