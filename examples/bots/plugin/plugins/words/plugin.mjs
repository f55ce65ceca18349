#!/usr/bin/env node
// words is a plugin of timbot that counts the words of a text, in Chinese too, where nothing stands between them.

import { Plugin, PluginError } from './timbot_plugin.mjs';

const plugin = new Plugin('words', '1.0.0');

const segmenter = new Intl.Segmenter('zh', { granularity: 'word' });

export const count = plugin.action('count', async ({ text }, call) => {
  if (text.length > 10_000) throw new PluginError('too_long', 'a text has at most 10,000 characters', { final: true });
  const words = [...segmenter.segment(text)].filter((s) => s.isWordLike).map((s) => s.segment);
  if (call.conversation) await call.bot.reply(`${words.length}: ${words.slice(0, 20).join(' · ')}`);
  return { count: words.length, words: words.slice(0, 20) };
});

plugin.serve(import.meta.url);
