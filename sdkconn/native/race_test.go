//go:build race

package native

// raceDetector says whether these tests, and the children that they start, run under the race detector.
const raceDetector = true
