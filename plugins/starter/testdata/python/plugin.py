#!/usr/bin/python3
import asyncio
import time

import timbot_plugin

plugin = timbot_plugin.Plugin("kit", "1.0.0")


@plugin.run
async def work(bot):
    await bot.signal("begun")
    try:
        await asyncio.sleep(1000)
    finally:
        open("stopped", "w").close()


@plugin.action
async def act(call, what):
    if what == "reply":
        await call.bot.reply("from the plugin")
    elif what == "state":
        await call.bot.set("k", {"n": 1})
        return {"text": "state", "any": [await call.bot.get("k"), await call.bot.get("nothing")]}
    elif what == "signal":
        await call.bot.signal("told", {"from": "plugin"})
    elif what == "send":
        await call.bot.send("c2c_bob", "hi")
    elif what == "bug":
        return {"text": 1 / 0}
    elif what == "error":
        raise timbot_plugin.Error("busy", "later", retry_after=3)
    elif what == "wait":
        await asyncio.sleep(1000)
    elif what == "log":
        call.log.warning("a warning", a=1)
    elif what == "unwell":
        call.bot.unwell("the database is away")
    elif what == "no JSON":
        return {"text": "x", "any": float("nan")}
    return {"text": " ".join([what, call.effect, call.rule, call.step, call.conversation, call.user])}


@plugin.action
def sync(call, what):
    if what == "reply":
        call.bot.set("sync", [1])
        return {"text": str(call.bot.get("sync"))}
    while what == "wait" and not call.cancelled:
        time.sleep(0.01)
    while what == "hang":
        time.sleep(1)
    return {"text": what}


if __name__ == "__main__":
    plugin.serve()
