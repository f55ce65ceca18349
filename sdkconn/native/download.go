package native

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/timbot-go/timbot/sdkconn"
)

// DownloadElemToPath implements [sdkconn.Conn]. The library writes files; pictures, which it does not download, are fetched
// from their URLs here. It does not fetch the same file to the same path twice at once.
func (c *Conn) DownloadElemToPath(ctx context.Context, param sdkconn.DownloadElemParam, path string,
	told func(current, total uint64)) error {
	const op = "DownloadElemToPath"
	if path == "" {
		return fail(op, sdkconn.CodeParam, "no path")
	}
	if told == nil {
		told = func(uint64, uint64) {}
	}
	if param.Dir == "" {
		abs, err := filepath.Abs(path) // the library's process may be elsewhere
		if err != nil {
			return &sdkconn.Error{Op: op, Code: sdkconn.CodeIOOperationFailed, Err: err}
		}
		return c.download(ctx, op, param, abs, told)
	}
	if !filepath.IsLocal(path) {
		return fail(op, sdkconn.CodeParam, "the path %q leads out of the folder", path)
	}
	root, err := os.OpenRoot(param.Dir)
	if err != nil {
		return &sdkconn.Error{Op: op, Code: sdkconn.CodeIOOperationFailed, Err: err}
	}
	defer root.Close()
	// The library takes a path, and what lies on it could change: it writes to a folder of its own, and the file moves then.
	dir, err := os.MkdirTemp("", "timbot-download-")
	if err != nil {
		return &sdkconn.Error{Op: op, Code: sdkconn.CodeIOOperationFailed, Err: err}
	}
	defer os.RemoveAll(dir)
	fetched := filepath.Join(dir, "file")
	if err := c.download(ctx, op, param, fetched, told); err != nil {
		return err
	}
	if err := copyInto(root, path, fetched); err != nil {
		return &sdkconn.Error{Op: op, Code: sdkconn.CodeIOOperationFailed, Err: err}
	}
	return nil
}

// copyInto copies a file to a path that must not leave root.
func copyInto(root *os.Root, path, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := root.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

func (c *Conn) download(ctx context.Context, op string, param sdkconn.DownloadElemParam, path string,
	told func(current, total uint64)) error {
	if param.Type == sdkconn.DownloadImage && (strings.HasPrefix(param.URL, "http://") || strings.HasPrefix(param.URL, "https://")) {
		if _, err := c.online(ctx, op, nil); err != nil {
			return err
		}
		return c.fetch(ctx, op, param.URL, path, told)
	}
	text, err := marshal(op, param)
	if err != nil {
		return err
	}
	var last sdkconn.DownloadElemResult
	on := progress{many: true, told: func(s signal) {
		var now sdkconn.DownloadElemResult
		if sdkconn.Unmarshal(s.json, &now) == nil && now.CurrentSize >= last.CurrentSize && now.TotalSize != 0 {
			last = now
			told(now.CurrentSize, now.TotalSize)
		}
	}}
	if _, err := c.doWith(ctx, op, on, "TIMMsgDownloadElemToPath", text, path); err != nil {
		return err
	}
	if last.CurrentSize < last.TotalSize || last.TotalSize == 0 { // the library did not tell the end
		info, err := os.Stat(path)
		if err != nil {
			return &sdkconn.Error{Op: op, Code: sdkconn.CodeIOOperationFailed, Err: err}
		}
		told(uint64(info.Size()), uint64(info.Size()))
	}
	return nil
}

// fetch writes what is at a URL to path.
func (c *Conn) fetch(ctx context.Context, op, address, path string, told func(current, total uint64)) (err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return &sdkconn.Error{Op: op, Code: sdkconn.CodeFileTransDownloadFailed, Err: err}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return &sdkconn.Error{Op: op, Code: sdkconn.CodeFileTransDownloadFailed, Err: err}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fail(op, sdkconn.CodeFileTransDownloadFailed, "%s answered %s", req.URL.Host, resp.Status)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".part-*")
	if err != nil {
		return &sdkconn.Error{Op: op, Code: sdkconn.CodeIOOperationFailed, Err: err}
	}
	defer os.Remove(f.Name()) // it is not there when all went well
	n, err := io.Copy(f, resp.Body)
	if cerr := f.Close(); err != nil {
		return &sdkconn.Error{Op: op, Code: sdkconn.CodeFileTransDownloadFailed, Err: err}
	} else if cerr != nil {
		return &sdkconn.Error{Op: op, Code: sdkconn.CodeIOOperationFailed, Err: cerr}
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return &sdkconn.Error{Op: op, Code: sdkconn.CodeIOOperationFailed, Err: err}
	}
	told(uint64(n), uint64(n))
	return nil
}
