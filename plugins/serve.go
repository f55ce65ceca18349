package plugins

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/timbot-go/timbot/plugins/wire"
)

// Serve serves the plugin to the bot that started the program, and ends the program when the bot is done with it: it does not
// return. Call it in main. A program that a person starts prints its plugin.yaml when its argument is manifest, and says
// what it is otherwise.
func Serve(p Plugin) {
	err := serve(p, os.Args[1:], os.Stdin, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, filepath.Base(os.Args[0])+": "+err.Error())
		os.Exit(1)
	}
	os.Exit(0)
}

func serve(p Plugin, args []string, in io.Reader, out io.Writer) error {
	manifest, err := p.Manifest()
	if err != nil {
		return err
	}
	if len(args) == 1 && args[0] == "manifest" {
		_, err := out.Write(manifest)
		return err
	}
	if os.Getenv(wire.CookieVariable) != wire.Cookie {
		return fmt.Errorf("this is %s %s, a plugin of timbot: name its folder under plugins: in a bot's file, and the bot starts it; "+
			"the argument manifest prints its plugin.yaml", p.Name, p.Version)
	}
	signal.Ignore(os.Interrupt) // a person stops the bot, and the bot its plugins
	listener, address, err := listen()
	if err != nil {
		return err
	}
	creds, own, err := certificates(os.Getenv(wire.CertVariable))
	if err != nil {
		return err
	}
	s := newServer(&p)
	server := grpc.NewServer(grpc.Creds(creds), grpc.MaxRecvMsgSize(wire.MaxMessage), grpc.MaxSendMsgSize(wire.MaxMessage),
		grpc.InitialWindowSize(wire.MaxMessage), grpc.InitialConnWindowSize(4*wire.MaxMessage)) // else it measures the way by pings
	wire.RegisterPluginServer(server, s)
	go func() { // ends with the process
		_, _ = io.Copy(io.Discard, in)
		os.Exit(1) // the bot is gone
	}()
	go func() { // ends with the process
		<-s.done
		server.GracefulStop() // the last replies may still be on their way; a host that takes none ends the process
	}()
	if _, err := fmt.Fprintf(out, "1|1|%s|%s|grpc|%s\n", listener.Addr().Network(), address, own); err != nil {
		return err
	}
	if err := server.Serve(listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return err
	}
	return nil
}

// listen makes the socket on which the bot calls.
func listen() (l net.Listener, address string, err error) {
	if runtime.GOOS != "windows" {
		address = filepath.Join(os.Getenv(wire.SocketDirVariable), "plugin")
		l, err = net.Listen("unix", address)
		return l, address, err
	}
	from, _ := strconv.Atoi(os.Getenv("PLUGIN_MIN_PORT"))
	to, _ := strconv.Atoi(os.Getenv("PLUGIN_MAX_PORT"))
	for port := from; port <= to; port++ {
		address = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if l, err = net.Listen("tcp", address); err == nil {
			return l, address, nil
		}
	}
	return nil, "", fmt.Errorf("no port from %d to %d is free: %w", from, to, err)
}

// certificates makes the plugin's certificate, own, and trusts the host's and no other.
func certificates(host string) (creds credentials.TransportCredentials, own string, err error) {
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM([]byte(host)) {
		return nil, "", fmt.Errorf("%s holds no certificate", wire.CertVariable)
	}
	cert, err := wire.NewCertificate()
	if err != nil {
		return nil, "", err
	}
	return credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{cert},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: trusted, MinVersion: tls.VersionTLS12,
	}), base64.RawStdEncoding.EncodeToString(cert.Certificate[0]), nil
}
