import unittest

import plugin
import timbot_plugin


class WorkOutTest(unittest.TestCase):
    def test_is_exact(self):
        for sum, want in (("1/3 + 1/6", "1/2"), ("(2 + 3) × -4", "-20"), ("0.1 + 0.2", "3/10")):
            self.assertEqual(plugin.work_out(timbot_plugin.Call(), sum), {"text": want})

    def test_what_is_no_sum(self):
        for sum, code in (("__import__('os')", "no_sum"), ("2 **", "no_sum"), ("1 / 0", "zero"), ("1+" * 200, "too_long")):
            with self.assertRaises(timbot_plugin.Error) as caught:
                plugin.work_out(timbot_plugin.Call(), sum)
            self.assertEqual(caught.exception.code, code, sum)


if __name__ == "__main__":
    unittest.main()
