import { writeFileSync } from 'node:fs';

import { Plugin, PluginError } from './timbot_plugin.mjs';

const plugin = new Plugin('kit', '1.0.0');

const forever = () => new Promise(() => {});

plugin.run(async (bot, signal) => {
  await bot.signal('begun');
  signal.addEventListener('abort', () => writeFileSync('stopped', ''));
  await forever();
});

plugin.action('act', async ({ what }, call) => {
  switch (what) {
    case 'reply':
      await call.bot.reply('from the plugin');
      break;
    case 'state':
      await call.bot.set('k', { n: 1 });
      return { text: 'state', any: [await call.bot.get('k'), await call.bot.get('nothing')] };
    case 'signal':
      await call.bot.signal('told', { from: 'plugin' });
      break;
    case 'send':
      await call.bot.send('c2c_bob', 'hi');
      break;
    case 'bug':
      return { text: what.no.such.thing };
    case 'error':
      throw new PluginError('busy', 'later', { retryAfter: 3000 });
    case 'wait':
      await forever();
      break;
    case 'log':
      call.log.warn('a warning', { a: 1 });
      break;
    case 'unwell':
      call.bot.unwell('the database is away');
      break;
    case 'no JSON':
      return { text: 'x', any: NaN };
  }
  return { text: [what, call.effect, call.rule, call.step, call.conversation, call.user].join(' ') };
});

plugin.action('sync', ({ what }, call) => {
  if (what === 'reply') return call.bot.set('sync', [1]).then(() => call.bot.get('sync')).then((v) => ({ text: JSON.stringify(v) }));
  while (what === 'hang');
  return what === 'wait' ? forever() : { text: what };
});

plugin.serve(import.meta.url);
