package native

import (
	"context"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/timbot-go/timbot/sdkconn"
)

// howToGet says where the library comes from.
const howToGet = "for Linux the npm package im_electron_sdk carries it: npm pack im_electron_sdk@8.0.5906, then " +
	"package/lib/linux/lib/libImSDK.so (amd64) or libImSDK_arm64.so; for others the C SDK's download page has it"

// checkFile says what is wrong with a library before the system tries it.
func checkFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the SDK's library is not there: %w (%s)", err, howToGet)
	case err != nil:
		return fmt.Errorf("the SDK's library: %w", err)
	case info.IsDir():
		return fmt.Errorf("the SDK's library: %s is a folder; lib wants the file in it", path)
	}
	system, arch, err := builtFor(path)
	switch {
	case err != nil:
		return fmt.Errorf("the SDK's library: %w (%s)", err, howToGet)
	case system != runtime.GOOS || arch != "" && !strings.Contains(" "+arch+" ", " "+runtime.GOARCH+" "):
		return fmt.Errorf("the SDK's library %s is for %s on %s, this program runs on %s on %s (%s)",
			path, system, arch, runtime.GOOS, runtime.GOARCH, howToGet)
	}
	return nil
}

// builtFor reads what a library was built for; several architectures are separated by spaces.
func builtFor(path string) (system, arch string, err error) {
	if f, err := elf.Open(path); err == nil {
		defer f.Close()
		switch f.Machine {
		case elf.EM_X86_64:
			return "linux", "amd64", nil
		case elf.EM_AARCH64:
			return "linux", "arm64", nil
		}
		return "linux", strings.TrimPrefix(f.Machine.String(), "EM_"), nil
	}
	if f, err := pe.Open(path); err == nil {
		defer f.Close()
		switch f.Machine {
		case pe.IMAGE_FILE_MACHINE_AMD64:
			return "windows", "amd64", nil
		case pe.IMAGE_FILE_MACHINE_ARM64:
			return "windows", "arm64", nil
		}
		return "windows", fmt.Sprintf("machine %#x", f.Machine), nil
	}
	cpus := func(c macho.Cpu) string {
		switch c {
		case macho.CpuAmd64:
			return "amd64"
		case macho.CpuArm64:
			return "arm64"
		}
		return c.String()
	}
	if f, err := macho.OpenFat(path); err == nil {
		defer f.Close()
		var all []string
		for _, a := range f.Arches {
			all = append(all, cpus(a.Cpu))
		}
		return "darwin", strings.Join(all, " "), nil
	}
	if f, err := macho.Open(path); err == nil {
		defer f.Close()
		return "darwin", cpus(f.Cpu), nil
	}
	return "", "", fmt.Errorf("%s is not a library of any system that is known here", path)
}

// Diagnose goes through what a connection needs, step by step, and logs in and out once. report gets each step, with what was
// found or with an error that says what to do. It stops at the first step that others need; the error is that one. A user who
// is logged in elsewhere is logged out there, as by any login.
func Diagnose(ctx context.Context, rawurl string, config sdkconn.Config, report func(step, result string, err error)) error {
	d := diagnosis{config: config.WithDefaults(), report: report}
	for _, s := range []struct {
		name string
		run  func(context.Context) (string, error)
	}{
		{"connection URL", func(context.Context) (string, error) { return d.url(rawurl) }},
		{"library file", d.file}, {"UserSig", d.sig}, {"data folder", d.folder}, {"library", d.load}, {"configuration", d.start},
		{"login", d.login},
	} {
		result, err := s.run(ctx)
		report(s.name, result, err)
		if err != nil {
			if s.name == "login" {
				report("network", "", d.network(err))
			}
			d.end()
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	report("network", "connected", nil)
	d.end()
	return nil
}

// diagnosis is what Diagnose has found so far.
type diagnosis struct {
	config  sdkconn.Config
	report  func(step, result string, err error)
	o       options
	userSig string
	session *session
	states  chan signal // of the network
}

func (d *diagnosis) url(rawurl string) (string, error) {
	u, err := sdkconn.ParseURL(rawurl)
	if err != nil {
		return "", err
	}
	if u.Scheme != "native" {
		return "", fmt.Errorf("it begins with %s:, want %s", u.Scheme, want)
	}
	if d.o, err = parseOptions(u, d.config.Dir); err != nil {
		return "", err
	}
	return fmt.Sprintf("user %s of app %d", d.o.user, d.o.appID), nil
}

func (d *diagnosis) file(context.Context) (string, error) {
	if !available {
		return "", errUnavailable
	}
	if !strings.ContainsRune(d.o.lib, filepath.Separator) {
		return d.o.lib + ", which the system looks for", nil
	}
	return d.o.lib, checkFile(d.o.lib)
}

func (d *diagnosis) sig(ctx context.Context) (string, error) {
	sig, expires, err := signer{d.o, d.config.Dir, d.config.Clock}.sign(ctx)
	if err != nil {
		return "", err
	}
	d.userSig = sig
	return d.o.sigFrom() + " is good until " + expires.UTC().Format(time.RFC3339), nil
}

func (d *diagnosis) folder(context.Context) (string, error) {
	if err := os.MkdirAll(filepath.Join(d.o.data, "log"), 0o700); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(d.o.data, "doctor-*")
	if err != nil {
		return "", err
	}
	return d.o.data + " can be written", errors.Join(f.Close(), os.Remove(f.Name()))
}

func (d *diagnosis) load(ctx context.Context) (string, error) {
	e, err := d.o.engine(ctx)
	if err != nil {
		return "", err
	}
	d.states = make(chan signal, 16)
	d.session = newSession(e, d.config.Clock, d.o.timeout, func(s signal) {
		if s.event == networkStatus {
			select {
			case d.states <- s:
			default: // the first ones say what there is to say
			}
		}
	})
	about := e.about()
	result := "version " + about.version
	lacks := slices.DeleteFunc(slices.Clone(about.missing), func(name string) bool { // of these two, one is there
		return slices.Contains(addNewMsg, name)
	})
	if len(lacks) > 0 {
		result += "; it lacks " + strings.Join(lacks, ", ") + ", and what needs them is not possible"
	}
	return result, nil
}

func (d *diagnosis) start(ctx context.Context) (string, error) {
	if err := start(ctx, d.session, d.o); err != nil {
		return "", err
	}
	return "accepted", nil
}

func (d *diagnosis) login(ctx context.Context) (string, error) {
	if err := login(ctx, d.session, d.o, d.userSig); err != nil {
		if advice := loginAdvice(sdkconn.CodeOf(err)); advice != "" {
			err = fmt.Errorf("%w; %s", err, advice)
		}
		return "", err
	}
	return "logged in as " + d.o.user, nil
}

// network says what the SDK told of the network when the login failed.
func (d *diagnosis) network(err error) error {
	var told []string
	for {
		select {
		case s := <-d.states:
			if len(s.numbers) == 1 && s.code != 0 {
				told = append(told, strings.TrimSpace(sdkconn.Code(s.code).Error()+" "+s.desc))
			}
		default:
			if len(told) > 0 {
				return fmt.Errorf("the SDK cannot reach the service: %s; see that TCP ports 80 and 443 lead out", strings.Join(told, ", "))
			}
			if sdkconn.Retryable(err) {
				return errors.New("the SDK got no answer from the service; see that TCP ports 80 and 443 lead out")
			}
			return nil
		}
	}
}

func (d *diagnosis) end() {
	if d.session != nil {
		d.session.end(logoutPatience)
	}
}

// loginAdvice says what to do about a login that was refused.
func loginAdvice(code sdkconn.Code) string {
	switch code {
	case sdkconn.CodeSvrUserSigExpired, sdkconn.CodeUserSigExpired:
		return "the UserSig has expired: see where it comes from, and this machine's clock"
	case sdkconn.CodeSvrUserSigCheckFailed, 70005, sdkconn.CodeSvrUserSigMismatchKey:
		return "the secret key is not this app's: compare it with the console"
	case sdkconn.CodeSvrUserSigMismatchID, sdkconn.CodeSvrUserSigMismatchApp:
		return "the UserSig was made for another user or app"
	case sdkconn.CodeSvrSDKAppIDNotFound:
		return "there is no such app: compare sdkappid with the console"
	case sdkconn.CodeInvalidIdentifier:
		return "the user id must be 1 to 32 bytes of printable ASCII"
	case 70398:
		return "the app's plan has no room for another account"
	}
	if code.Retryable() {
		return "the service was not reached or did not answer"
	}
	return ""
}
