"""Well-known functions whose outcome differs between two runs, or that block.

Names are as `Source.dotted` writes them; `.*` stands for one further name, and `()` for the
result of a call. What takes an argument to be deterministic (`time.localtime(seconds)`) is listed
with the number of arguments from which on it is.
"""

from __future__ import annotations

import ast

_HTTP = ("get", "post", "put", "patch", "delete", "head", "options", "request", "send", "stream")


def _names(text: str, *, http: str = "") -> list[str]:
    """The names in a text, and the methods of the HTTP clients in another."""
    return text.split() + [f"{client}.{method}" for client in http.split() for method in _HTTP]


CLOCK = _names("""
    time.time time.time_ns time.monotonic time.monotonic_ns time.perf_counter
    time.perf_counter_ns time.process_time time.process_time_ns time.thread_time
    time.thread_time_ns time.clock_gettime time.clock_gettime_ns time.localtime time.gmtime
    time.ctime time.asctime time.strftime
    datetime.datetime.now datetime.datetime.utcnow datetime.datetime.today datetime.date.today
    pendulum.now pendulum.today pendulum.tomorrow pendulum.yesterday arrow.now arrow.utcnow
    django.utils.timezone.now django.utils.timezone.localtime pandas.Timestamp.now
""")

RANDOM = _names("""
    random.random random.uniform random.triangular random.randint random.randrange random.choice
    random.choices random.shuffle random.sample random.getrandbits random.randbytes random.gauss
    random.normalvariate random.lognormvariate random.expovariate random.betavariate
    random.gammavariate random.paretovariate random.vonmisesvariate random.weibullvariate
    random.binomialvariate random.Random random.SystemRandom
    secrets.choice secrets.randbelow secrets.randbits secrets.token_bytes secrets.token_hex
    secrets.token_urlsafe secrets.SystemRandom os.urandom os.getrandom
    numpy.random.rand numpy.random.randn numpy.random.randint numpy.random.random
    numpy.random.random_sample numpy.random.choice numpy.random.shuffle numpy.random.permutation
    numpy.random.normal numpy.random.uniform numpy.random.default_rng
""")

UNIQUE_ID = _names("""
    uuid.uuid1 uuid.uuid4 uuid.uuid6 uuid.uuid7 uuid6.uuid6 uuid6.uuid7 ulid.new ulid.ULID
    shortuuid.uuid nanoid.generate ksuid.ksuid bson.ObjectId
""")

ENVIRONMENT = _names("""
    os.getenv os.getenvb os.environ.* os.environb.* os.getpid os.getppid os.getcwd os.getlogin
    os.cpu_count os.uname os.getloadavg platform.node platform.uname socket.gethostname
    socket.getfqdn uuid.getnode getpass.getuser
""")

FILES = _names("""
    builtins.open io.open os.open os.listdir os.scandir os.walk os.stat os.lstat os.remove
    os.unlink os.rename os.replace os.mkdir os.makedirs os.rmdir os.path.exists os.path.isfile
    os.path.isdir os.path.getmtime os.path.getsize glob.glob glob.iglob shutil.copy shutil.copy2
    shutil.copyfile shutil.copytree shutil.move shutil.rmtree tempfile.mkstemp tempfile.mkdtemp
    tempfile.NamedTemporaryFile tempfile.TemporaryDirectory tempfile.TemporaryFile
    pathlib.Path().read_text pathlib.Path().read_bytes pathlib.Path().write_text
    pathlib.Path().write_bytes pathlib.Path().open pathlib.Path().exists pathlib.Path().is_file
    pathlib.Path().is_dir pathlib.Path().iterdir pathlib.Path().glob pathlib.Path().rglob
    pathlib.Path().stat pathlib.Path().unlink pathlib.Path().mkdir pathlib.Path().rename
""")

_BLOCKING_NETWORK = _names(
    """
    urllib.request.urlopen urllib.request.urlretrieve urllib3.request
    urllib3.PoolManager().request urllib3.PoolManager().urlopen
    http.client.HTTPConnection().request http.client.HTTPSConnection().request
    socket.create_connection socket.getaddrinfo socket.gethostbyname
    smtplib.SMTP smtplib.SMTP_SSL ftplib.FTP psycopg.connect psycopg2.connect pymysql.connect
    mysql.connector.connect redis.Redis().* redis.StrictRedis().*
    boto3.client().* boto3.Session().client().* boto3.session.Session().client().*
    boto3.resource().*.* boto3.Session().resource().*.*
    boto3.client().get_paginator().paginate boto3.client().get_waiter().wait
    subprocess.run subprocess.call subprocess.check_call subprocess.check_output
    subprocess.getoutput subprocess.getstatusoutput os.system os.popen
    """,
    http="requests requests.Session() requests.session() httpx httpx.Client()",
)

NETWORK = _BLOCKING_NETWORK + _names(
    """
    aiohttp.request aiohttp.ClientSession().ws_connect asyncio.open_connection
    asyncio.create_subprocess_exec asyncio.create_subprocess_shell
    anyio.run_process anyio.open_process anyio.connect_tcp asyncpg.connect
    aioboto3.Session().client().* aioboto3.Session().resource().*.* redis.asyncio.Redis().*
    subprocess.Popen
    """,
    http="httpx.AsyncClient() aiohttp.ClientSession()",
)

BLOCKING = _BLOCKING_NETWORK + _names("""
    time.sleep builtins.input subprocess.Popen().wait subprocess.Popen().communicate
""")

# Methods of clients that ask nobody.
_LOCAL = frozenset(
    _names("""
        can_paginate close from_url generate_presigned_post generate_presigned_url
        get_available_subresources get_paginator get_waiter pipeline
    """)
)
# Deterministic when given that many arguments.
_GIVEN = {
    "time.localtime": 1,
    "time.gmtime": 1,
    "time.ctime": 1,
    "time.asctime": 1,
    "time.strftime": 2,
    "django.utils.timezone.localtime": 1,
    "random.Random": 1,
    "numpy.random.default_rng": 1,
}


class Known:
    """A set of well-known functions, with `.*` for any one name."""

    def __init__(self, names: list[str]) -> None:
        self._names = {name for name in names if not name.endswith(".*")}
        self._any = {name.removesuffix(".*") for name in names if name.endswith(".*")}

    def matches(self, dotted: str, call: ast.Call) -> bool:
        """Whether a call of that function is one of them."""
        if dotted in self._names:
            given = len(call.args) + len(call.keywords)
            return given < _GIVEN.get(dotted, given + 1)
        base, _, last = dotted.rpartition(".")
        if last in _LOCAL or last.endswith("()"):
            return False
        return base in self._any or _resource(base) in self._any


def _resource(base: str) -> str:
    """`boto3.resource().Table()` as `boto3.resource().*`; resources begin with a capital."""
    parent, _, last = base.rpartition(".")
    return f"{parent}.*" if last.endswith("()") and last[:1].isupper() else base
