#!/usr/bin/python3
"""NAME is a plugin of timbot. What it can do is said in plugin.yaml, and done here."""

import timbot_plugin

plugin = timbot_plugin.Plugin("NAME", "0.1.0")


@plugin.action
async def greet(call, who, lang="en"):
    """Greets somebody."""
    if not who.strip():
        raise timbot_plugin.Error("nobody", "there is nobody to greet", final=True)
    words = {"en": "Hello", "zh": "你好"}
    call.log.info("greeted", lang=lang)
    return {"text": f"{words[lang]}, {who}!", "letters": len(who)}


if __name__ == "__main__":
    plugin.serve()
