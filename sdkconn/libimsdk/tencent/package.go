// Package tencent fetches Tencent's own SDK 8.0 for Linux, headers and library, from the npm registry. Nothing of it is in
// this repository; the generator of the exports and the tests that compare with the real library read it from a cache.
package tencent

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The package that is fetched, and what it hashes to.
const (
	name    = "im_electron_sdk"
	version = "8.0.5906"
	hash    = "c5359b751071083105b45d01bc9e3601e9a07d878551958270e5a9218d30ab51"
)

// Dir is an unpacked package.
type Dir string

// Headers is the folder of the C headers.
func (d Dir) Headers() string { return filepath.Join(string(d), "include") }

// Library is the library for x86-64.
func (d Dir) Library() string { return filepath.Join(string(d), "lib", "libImSDK.so") }

// Fetch returns the package from the user's cache folder, where npm puts it the first time. Install scripts are not run.
func Fetch() (Dir, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "timbot", name+"-"+version)
	if _, err := os.Stat(dir); err == nil {
		return Dir(dir), nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return "", fmt.Errorf("cache of %s: %w", name, err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), name+"-")
	if err != nil {
		return "", fmt.Errorf("cache of %s: %w", name, err)
	}
	defer os.RemoveAll(tmp)
	cmd := exec.Command("npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", tmp, name+"@"+version)
	cmd.Dir = tmp
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm pack %s@%s: %w: %s(the SDK's headers come from npm: install npm, or unpack lib/linux of the package into %s)",
			name, version, err, out, dir)
	}
	if err := unpack(filepath.Join(tmp, name+"-"+version+".tgz"), filepath.Join(tmp, "sdk")); err != nil {
		return "", fmt.Errorf("%s@%s: %w", name, version, err)
	}
	if err := os.Rename(filepath.Join(tmp, "sdk"), dir); err != nil && !errors.Is(err, os.ErrExist) {
		if _, serr := os.Stat(dir); serr != nil { // not another process that was faster
			return "", fmt.Errorf("cache of %s: %w", name, err)
		}
	}
	return Dir(dir), nil
}

// unpack writes what the archive has for Linux to dir.
func unpack(archive, dir string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != hash {
		return fmt.Errorf("the archive's SHA-256 is %s, want %s", got, hash)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	zip, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	for r := tar.NewReader(zip); ; {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		rel, ok := strings.CutPrefix(h.Name, "package/lib/linux/")
		if !ok || h.Typeflag != tar.TypeReg || !filepath.IsLocal(rel) {
			continue
		}
		to := filepath.Join(dir, rel)
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return err
		}
		out, err := os.Create(to)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, r)
		if err := errors.Join(err, out.Close()); err != nil {
			return err
		}
	}
}

// Missing returns the first of these programs that is not in the path, "" when all are there: the tests that fetch, compile
// or compare need some, and say so.
func Missing(programs ...string) string {
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			return name
		}
	}
	return ""
}
