#!/usr/bin/env node
// NAME is a plugin of timbot. What it can do is said in plugin.yaml, and done here.

import { Plugin, PluginError } from './timbot_plugin.mjs';

const plugin = new Plugin('NAME', '0.1.0');

const words = { en: 'Hello', zh: '你好' };

// greet greets somebody.
export const greet = plugin.action('greet', async ({ who, lang = 'en' }, call) => {
  if (!who.trim()) throw new PluginError('nobody', 'there is nobody to greet', { final: true });
  call.log.info('greeted', { lang });
  return { text: `${words[lang]}, ${who}!`, letters: [...who].length };
});

plugin.serve(import.meta.url);
