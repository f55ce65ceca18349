"""Tests of the actions: python3 -m unittest. `timbot plugin test .` tests how the program behaves towards a bot."""

import asyncio
import unittest

import plugin
import timbot_plugin


class GreetTest(unittest.TestCase):
    def greet(self, **inputs):
        return asyncio.run(plugin.greet(timbot_plugin.Call(), **inputs))

    def test_greets_in_english_unless_told_otherwise(self):
        self.assertEqual(self.greet(who="Ann"), {"text": "Hello, Ann!", "letters": 3})

    def test_greets_in_chinese(self):
        self.assertEqual(self.greet(who="小明", lang="zh"), {"text": "你好, 小明!", "letters": 2})

    def test_somebody_is_needed(self):
        with self.assertRaises(timbot_plugin.Error) as caught:
            self.greet(who=" ")
        self.assertEqual(caught.exception.code, "nobody")


if __name__ == "__main__":
    unittest.main()
