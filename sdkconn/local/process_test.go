package local

const childVariable = "TIMBOT_LOCAL_TEST_CHILD"

func runChild() int { return 2 }
