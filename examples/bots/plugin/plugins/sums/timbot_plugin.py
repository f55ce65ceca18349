"""What a plugin of timbot is made of, in Python.

    import timbot_plugin

    plugin = timbot_plugin.Plugin("weather", "1.0.0")

    @plugin.action
    async def forecast(call, city, days=1):
        return {"text": f"{city}: sunny for {days} days"}

    if __name__ == "__main__":
        plugin.serve()

The inputs of plugin.yaml become arguments of the same names, and what is returned are its outputs, a dict. A rule that says
`weather.forecast: {city: Shenzhen}` calls the function. An input that was not given is not there: give it a default.

An `async def` is cancelled when nobody waits for its answer any more. An ordinary `def` runs in a thread of its own, where
nothing can end it: it looks at `call.cancelled` now and then. One that has not ended a second later is killed with its program.

This file is the plugin's own copy. It needs grpcio, protobuf and cryptography, and speaks version 1 of the protocol, which
plugin.proto describes: https://github.com/timbot-go/timbot/blob/main/plugins/wire/plugin.proto
"""

import asyncio
import base64
import datetime
import inspect
import json
import os
import signal
import sys
import threading
import traceback

import grpc
import plugin_pb2 as wire
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

COOKIE = "1b7e5a40-plugin"
MAX_MESSAGE = 4 << 20  # bytes of a message of gRPC
MAX_LOG = 8 << 10  # bytes of a line for the log
MAX_WAITING = 1000  # lines for the log that the bot has not taken; further ones are lost


class Error(Exception):
    """An error that tells rules more than its text.

    code is a word for rules, lower_snake_case: steps.ID.error.code. text is a sentence for people, without secrets and without
    text of messages. final says that the same call fails again: the step's retry leaves it. retry_after is in seconds.
    unsettled says that nobody knows whether the effect happened. Calls back raise it too.
    """

    def __init__(self, code, text, final=False, retry_after=0, unsettled=False):
        super().__init__(f"{code}: {text}")
        self.code, self.text, self.final, self.retry_after, self.unsettled = code, text, final, retry_after, unsettled


class Call:
    """What a call is.

    effect names what it is to achieve, for good: a fine idempotency key. again says that a call with this effect may have been
    made before, and that its outcome is not known. rule, step, conversation ("c2c_USER" or "group_ID") and user say where it comes
    from. cancelled is true when nobody waits for the answer any more. bot is the bot that it may ask, log writes to its log.
    """

    def __init__(self, bot=None, request=None):
        request = request or wire.CallRequest()
        self.id = request.id
        self.effect = request.effect_id
        self.again = request.again
        self.timeout = request.timeout_ms / 1000
        self.rule, self.step = request.origin.rule, request.origin.step
        self.conversation, self.user = request.origin.conversation, request.origin.user
        self.cancelled = False
        self.bot = bot or Bot(None, 0)
        self.log = self.bot.log


class Log:
    """Writes to the bot's log: call.log.info("looked up", count=3). Text of messages belongs to debug alone, secrets nowhere."""

    def __init__(self, session, call):
        self._session, self._call = session, call

    def debug(self, text, **fields):
        self._write(wire.Log.LEVEL_DEBUG, text, fields)

    def info(self, text, **fields):
        self._write(wire.Log.LEVEL_INFO, text, fields)

    def warning(self, text, **fields):
        self._write(wire.Log.LEVEL_WARN, text, fields)

    def error(self, text, **fields):
        self._write(wire.Log.LEVEL_ERROR, text, fields)

    def _write(self, level, text, fields):
        if self._session is not None:
            line = wire.Log(level=level, text=_valid(text, MAX_LOG), call=self._call)
            for key, value in list(fields.items())[:20]:
                line.fields[key] = _valid(value, MAX_LOG)
            self._session.say_from_anywhere(wire.PluginMessage(log=line), line=True)


class Bot:
    """The bot that a plugin may ask, as far as plugin.yaml says and the bot's file grants; the rest is an Error "forbidden".

    In an async function its methods are awaited; in an ordinary one they are just called.
    """

    def __init__(self, session, call):
        self._session, self._call = session, call
        self.log = Log(session, call)

    def do(self, action, **inputs):
        """Has the bot do one of its own actions, and returns what it tells: `timbot actions` lists both."""
        return self._ask(do=wire.Do(action=action, input=_json(inputs)))

    def reply(self, text):
        """Answers with a text in the call's conversation."""
        return self.do("reply", text=text)

    def send(self, conversation, text):
        """Sends a text to a conversation, "c2c_USER" or "group_ID"."""
        return self.do("send", to=conversation, text=text)

    def get(self, key):
        """Reads what set kept; None when there is nothing."""
        return self._ask(get_state=wire.GetState(key=key))

    def set(self, key, value):
        """Keeps a value for good, under a key of at most 200 bytes, as JSON of at most 64 KiB. None removes the key."""
        return self._ask(set_state=wire.SetState(key=key, value=_json(value)))

    def signal(self, name, data=None):
        """Tells the rules on signal.NAME; data becomes event.data."""
        return self._ask(signal=wire.Signal(name=name, data=b"" if data is None else _json(data)))

    def unwell(self, why):
        """Tells people that the plugin cannot do its work, and why; it is still called."""
        self._health(False, why)

    def well(self):
        """Takes unwell back."""
        self._health(True, "")

    def _health(self, ok, text):
        if self._session is not None:
            self._session.say_from_anywhere(wire.PluginMessage(health=wire.Health(ok=ok, text=_valid(text, MAX_LOG))))

    def _ask(self, **kind):
        if self._session is None:
            raise Error("no_bot", "there is no bot to ask")
        asking = self._session.ask(wire.Request(call=self._call, **kind))
        try:
            asyncio.get_running_loop()
            return asking
        except RuntimeError:  # a thread
            return asyncio.run_coroutine_threadsafe(asking, self._session.loop).result()


class Plugin:
    """What a program serves. name and version are those of its plugin.yaml."""

    def __init__(self, name, version):
        self.name, self.version = name, version
        self.actions = {}
        self.own = None

    def action(self, function):
        """Decorates the function that does the action of its name."""
        self.actions[function.__name__] = function
        return function

    def run(self, function):
        """Decorates `async def work(bot)`, what the plugin does of its own accord: begun once, cancelled when it is to stop."""
        self.own = function
        return function

    def serve(self):
        """Serves the plugin to the bot that started the program, and ends the program when the bot is done with it."""
        if os.environ.get("TIMBOT_PLUGIN") != COOKIE:
            sys.exit(
                f"this is {self.name} {self.version}, a plugin of timbot: name its folder under plugins: in a bot's file, "
                "and the bot starts it"
            )
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a person stops the bot, and the bot its plugins
        threading.Thread(target=_exit_with_the_bot, daemon=True).start()
        try:
            asyncio.run(self._serve())
        except BaseException:
            traceback.print_exc()
            _exit(1)
        _exit(0)

    async def _serve(self):
        session = _Session(self)
        server = grpc.aio.server(options=[
            ("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE), ("grpc.so_reuseport", 0),
        ])
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("timbot.plugin.v1.Plugin", {
            "Session": grpc.stream_stream_rpc_method_handler(
                session.run, wire.HostMessage.FromString, wire.PluginMessage.SerializeToString),
            "Call": grpc.unary_unary_rpc_method_handler(
                session.call, wire.CallRequest.FromString, wire.CallReply.SerializeToString),
        }),))
        key, certificate, der = _certificate()
        credentials = grpc.ssl_server_credentials(
            [(key, certificate)], os.environ["PLUGIN_CLIENT_CERT"].encode(), require_client_auth=True)
        folder = os.environ.get("PLUGIN_UNIX_SOCKET_DIR")
        if folder and sys.platform != "win32":
            network, address = "unix", os.path.join(folder, "plugin")
            server.add_secure_port("unix:" + address, credentials)
        else:
            network, address = "tcp", _free_port(server, credentials)
        await server.start()
        own = base64.b64encode(der).decode().rstrip("=")
        sys.stdout.write(f"1|1|{network}|{address}|grpc|{own}\n")
        sys.stdout.flush()
        await session.done.wait()
        await server.stop(0.2)  # what was said last still goes out


class _Session:
    """The one session of a process. All of it is of the loop, but for say_from_anywhere."""

    def __init__(self, plugin):
        self.plugin = plugin
        self.loop = asyncio.get_running_loop()
        self.done = asyncio.Event()
        self.idle = asyncio.Event()  # set while no call runs
        self.idle.set()
        self.outbox = asyncio.Queue()
        self.begun = self.stopping = False
        self.lost = 0  # lines for the log
        self.last = 0  # id of a request
        self.asked = {}
        self.calls = {}

    def say(self, message, line=False):
        if line and self.outbox.qsize() >= MAX_WAITING:
            self.lost += 1
            return
        if line and self.lost:
            text, self.lost = f"{self.lost} lines for the log were lost: the bot did not take them", 0
            self.outbox.put_nowait(wire.PluginMessage(log=wire.Log(level=wire.Log.LEVEL_WARN, text=text)))
        self.outbox.put_nowait(message)

    def say_from_anywhere(self, message, line=False):
        try:
            self.loop.call_soon_threadsafe(self.say, message, line)
        except RuntimeError:  # the loop has ended, and the bot is gone
            pass

    async def ask(self, request):
        if self.done.is_set() or not self.begun:
            raise Error("no_bot", "the bot is gone")
        self.last += 1
        request.id = self.last
        answer = self.asked[request.id] = self.loop.create_future()
        self.say(wire.PluginMessage(request=request))
        try:
            a = await answer
        finally:
            self.asked.pop(request.id, None)
        if a.WhichOneof("result") == "error":
            e = a.error
            raise Error(e.code, e.text, e.final, e.retry_after_ms / 1000, e.unsettled)
        return json.loads(a.output) if a.output else None

    async def run(self, _, context):
        if self.begun:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "there is a session already")
        self.begun = True
        own = None
        tasks = []
        try:
            hello = await context.read()
            if hello is grpc.aio.EOF or hello.WhichOneof("kind") != "hello":
                await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the first message must be hello")
            self.outbox = asyncio.Queue()  # nothing goes before ready
            self.say(wire.PluginMessage(ready=wire.Ready(
                name=self.plugin.name, version=self.plugin.version, actions=list(self.plugin.actions), kit="timbot-python 1")))
            tasks.append(asyncio.ensure_future(self._write(context)))
            if self.plugin.own is not None:
                own = asyncio.ensure_future(self._own())
            await self._read(context, own)
        finally:
            for task in tasks + [own] * (own is not None):
                task.cancel()
            if own is not None:
                await asyncio.wait([own], timeout=2)
            for answer in self.asked.values():
                if not answer.done():
                    answer.set_exception(Error("no_bot", "the bot is gone"))
            self.done.set()

    async def _write(self, context):
        while True:
            await context.write(await self.outbox.get())

    async def _read(self, context, own):
        stopped = None
        reading = asyncio.ensure_future(context.read())
        while True:
            await asyncio.wait([reading] + [stopped] * (stopped is not None), return_when=asyncio.FIRST_COMPLETED)
            if stopped is not None and stopped.done():
                reading.cancel()
                return
            if not reading.done():
                continue
            message = reading.result()
            if message is grpc.aio.EOF:
                return
            reading = asyncio.ensure_future(context.read())
            kind = message.WhichOneof("kind")
            if kind == "ping":
                self.say(wire.PluginMessage(pong=wire.Pong(id=message.ping.id)))
            elif kind == "cancel":
                call, task = self.calls.get(message.cancel.call, (None, None))
                if call is not None:
                    call.cancelled = True
                    if task is not None:
                        task.cancel()
            elif kind == "answer":
                answer = self.asked.get(message.answer.id)
                if answer is not None and not answer.done():
                    answer.set_result(message.answer)
            elif kind == "stop" and stopped is None:
                self.stopping = True
                if own is not None:
                    own.cancel()
                stopped = asyncio.ensure_future(self.idle.wait())

    async def _own(self):
        bot = Bot(self, 0)
        try:
            await self.plugin.own(bot)
        except asyncio.CancelledError:
            raise
        except Exception as e:
            traceback.print_exc()
            bot.log.error("the plugin's own work ended", err=repr(e))
            bot.unwell(f"its own work ended: {e!r}")

    async def call(self, request, _):
        function = self.plugin.actions.get(request.action)
        if function is None:
            return _failed("unknown_action", f"this program has no action {request.action!r}: is its plugin.yaml current?", final=True)
        if self.stopping:
            return _failed("stopping", "the plugin is being stopped")
        call = Call(Bot(self, request.id), request)
        try:
            inputs = json.loads(request.input or b"{}")
            inspect.signature(function).bind(call, **inputs)
        except (ValueError, TypeError, RecursionError) as e:
            return _failed("input", f"the inputs are not those of this program (is its plugin.yaml current?): {e}", final=True)
        if inspect.iscoroutinefunction(function):
            task = waited = asyncio.ensure_future(function(call, **inputs))
        else:
            task, waited = None, asyncio.ensure_future(self._in_thread(function, call, inputs))
        self.calls[request.id] = (call, task)
        self.idle.clear()
        try:
            output = await waited
            return wire.CallReply(output=_json({} if output is None else output))
        except asyncio.CancelledError:
            return _failed("cancelled", "the call was cancelled", unsettled=True)
        except Error as e:
            return _failed(e.code, e.text, e.final, e.retry_after, e.unsettled)
        except Exception as e:
            call.log.error("the call failed", action=request.action, err=repr(e), stack=traceback.format_exc())
            return _failed("exception", f"{type(e).__name__}: {e}", unsettled=True)
        finally:
            del self.calls[request.id]
            if not self.calls:
                self.idle.set()

    async def _in_thread(self, function, call, inputs):
        result = self.loop.create_future()

        def tell(set, value):
            if not result.done():
                set(value)

        def work():
            try:
                value, set = function(call, **inputs), result.set_result
            except StopIteration as e:  # which a future does not take
                value, set = RuntimeError(repr(e)), result.set_exception
            except BaseException as e:
                value, set = e, result.set_exception
            self.loop.call_soon_threadsafe(tell, set, value)

        threading.Thread(target=work, daemon=True).start()
        return await asyncio.shield(result)


def _failed(code, text, final=False, retry_after=0, unsettled=False):
    return wire.CallReply(error=wire.Error(
        code=code, text=_valid(text, 1000), final=final, unsettled=unsettled, retry_after_ms=int(min(max(retry_after, 0), 86400) * 1000)))


def _json(value):
    return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()


def _valid(text, most):
    """A text that can travel."""
    return str(text).encode("utf-8", "replace")[:most].decode("utf-8", "ignore")


def _certificate():
    """Makes a key and a certificate for localhost that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(1970, 1, 1)).not_valid_after(datetime.datetime(9999, 12, 31, 23, 59, 59))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return (
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        certificate.public_bytes(serialization.Encoding.PEM),
        certificate.public_bytes(serialization.Encoding.DER),
    )


def _free_port(server, credentials):
    low, high = int(os.environ.get("PLUGIN_MIN_PORT", "0")), int(os.environ.get("PLUGIN_MAX_PORT", "0"))
    for port in range(low, high + 1):
        try:
            if server.add_secure_port(f"127.0.0.1:{port}", credentials):
                return f"127.0.0.1:{port}"
        except RuntimeError:  # it is in use
            pass
    raise OSError(f"no port from {low} to {high} is free")


def _exit_with_the_bot():
    try:
        while os.read(0, 4096):  # not sys.stdin, whose lock would hold up the end of the program
            pass
    except OSError:
        pass
    _exit(1)


def _exit(code):
    """Ends the program at once, whatever its threads do."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            pass
    os._exit(code)
