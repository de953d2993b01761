/*
 * loadgen: load for a chat server that speaks lines (LOGIN, PUB, PRIV), with
 * listeners of other protocols among them if asked for: see kinds.
 *
 * One thread and one epoll set, so that on a small machine the server, not
 * the generator, is what gets measured.  It talks to 127.0.0.1 only, ends by
 * itself, and prints one line of JSON.  See usage() for modes and options.
 *
 * Every message carries a mark, MARK + 4 hex digits of sender, 8 of sequence
 * number, 16 of time (ns), and is padded with 'x' to --size bytes.  Receivers
 * search a line for the mark, so a server may put what it likes around it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MARK "^~"
#define MARK_LENGTH (2 + 4 + 8 + 16)
#define MAX_SIZE 60000
#define MAX_EVENTS 2048
#define SECOND 1000000000LL         /* times are int64_t nanoseconds */
#define SETTLE (200 * 1000000LL)    /* quiet for so long: logins are through */
#define STALLED (3 * SECOND)        /* nothing arrives for so long: give up */

enum mode { FANOUT, PACED, PRIV, STORM, IDLE, MODES };
static const char *const mode_names[MODES] = {"fanout", "paced", "priv", "storm", "idle"};

/* A protocol: what a client says to log in, and what tells it that it is in. */
struct kind { const char *login, *sign; int port; };

enum { CRLF, JSON, SLASH, WORDS, ROOMS, KINDS };
static struct kind kinds[KINDS] = {         /* %07u: the number in the nick */
    [CRLF] = {"LOGIN u%07u\r\n", "OK", 0},
    [JSON] = {"{\"type\":\"set-name\",\"data\":\"u%07u\"}\n", "renamed to u%07u\"", 0},
    [SLASH] = {"1\nu%07u\n", "u%07u! Zostales", 0},
    [WORDS] = {"login u%07u\n", "[u%07u] log in.", 0},
    [ROOMS] = {"u%07u\n", "You joined the room", 0},
};

enum state { UNUSED, CONNECTING, LOGGING_IN, READY, DEAD };

struct buffer { char *data; int start, end, capacity; };

struct client {
    int fd, id;
    const struct kind *kind;
    enum state state;
    unsigned nick;              /* new for every login: nicks never collide */
    bool wants_write;
    struct buffer in, out;      /* in: an unfinished line, out: unsent bytes */
    long sent;                  /* own messages, also the last sequence number */
    long delivered;             /* of those, arrivals at other clients */
    int64_t began;              /* when it started to connect */
};

/* What one receiver has had from one sender. */
struct stream {
    uint32_t highest, unique;
    uint64_t seen;              /* bit i: message highest - i has arrived */
};

struct histogram { uint64_t count, cells[64 * 64]; };

struct usage { double cpu; long rss_kib, threads; };

static struct {
    enum mode mode;
    int pid, clients, senders, window, size, connecting;
    double seconds, warmup, rate;
} opt = {.clients = 10, .senders = 1, .window = 8, .size = 100, .connecting = 64,
         .seconds = 2, .warmup = 0.3, .rate = 200};

static struct client *clients;
static struct stream *streams;
static struct histogram latency, login_time;
static int epoll_fd, timer_fd;
static int ready, dead, connecting;
static long sent, deliveries, duplicated, out_of_order, errors, logins;
static bool measuring;          /* record latencies */
static bool sending;            /* answer (priv), log in again (storm) */
static int64_t last_arrival;
static char read_buffer[1 << 19], padding[MAX_SIZE];

static void fail(const char *what) { perror(what); exit(2); }

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SECOND + t.tv_nsec;
}

/* ---- histogram: 64 cells per power of two, so values within 1.6 % ------- */

static void record(struct histogram *h, int64_t value)
{
    if (value < 1)
        value = 1;
    int power = 63 - __builtin_clzll(value);
    int cell = power >= 6 ? (value >> (power - 6)) & 63 : (value << (6 - power)) & 63;
    h->cells[power * 64 + cell]++;
    h->count++;
}

static double percentile(const struct histogram *h, double fraction)
{
    uint64_t wanted = (uint64_t)(fraction * h->count), passed = 0;
    for (int i = 0; i < 64 * 64; i++) {
        passed += h->cells[i];
        if (passed > wanted)
            return (double)(1ULL << (i / 64)) * (1 + i % 64 / 64.0);
    }
    return 0;
}

/* ---- what the server and the generator itself use ----------------------- */

/* CPU seconds (user + system, all threads), memory and threads of --pid. */
static struct usage server_usage(void)
{
    struct usage u = {0};
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/%d/stat", opt.pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return u;
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    unsigned long user = 0, system = 0, pages = 0;
    char *after_name = strrchr(text, ')');      /* the name may hold spaces */
    if (after_name)
        sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu"
               " %*d %*d %*d %*d %ld %*d %*u %*u %lu", &user, &system, &u.threads, &pages);
    u.cpu = (double)(user + system) / sysconf(_SC_CLK_TCK);
    u.rss_kib = pages * (sysconf(_SC_PAGESIZE) / 1024);
    return u;
}

static double own_cpu(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return r.ru_utime.tv_sec + r.ru_stime.tv_sec
           + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

/* ---- sending ------------------------------------------------------------ */

static void append(struct buffer *b, const char *data, int length)
{
    if (b->start == b->end)
        b->start = b->end = 0;
    if (b->end + length > b->capacity) {
        b->capacity = (b->end + length) * 2;
        b->data = realloc(b->data, b->capacity);
        if (!b->data)
            fail("realloc");
    }
    memcpy(b->data + b->end, data, length);
    b->end += length;
}

static void watch(struct client *c, int operation, bool write)
{
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP | (write ? EPOLLOUT : 0),
                            .data.ptr = c};
    c->wants_write = write;
    if (epoll_ctl(epoll_fd, operation, c->fd, &e) < 0)
        fail("epoll_ctl");
}

/* The connection ended though nobody here ended it. */
static void lose(struct client *c)
{
    if (c->state == READY)
        ready--;
    else
        connecting--;
    dead++;
    c->state = DEAD;
    close(c->fd);
}

static void flush(struct client *c)
{
    struct buffer *b = &c->out;
    while (b->start < b->end) {
        ssize_t n = send(c->fd, b->data + b->start, b->end - b->start, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN) {
            lose(c);
            return;
        }
        if (n < 0)
            break;
        b->start += n;
    }
    bool unsent = b->start < b->end;
    if (c->wants_write != unsent)
        watch(c, EPOLL_CTL_MOD, unsent);
}

static void put_hex(char *to, uint64_t value, int digits)
{
    while (digits--) {
        to[digits] = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
}

static uint64_t get_hex(const char *from, int digits)
{
    uint64_t value = 0;
    for (; digits--; from++)
        value = value << 4 | (*from <= '9' ? *from - '0' : *from - 'a' + 10);
    return value;
}

/* Queue the client's next message, to all (target NULL) or to one. */
static void say(struct client *c, const struct client *target, int64_t stamp)
{
    char head[32], mark[MARK_LENGTH + 1] = MARK;
    int length = target ? sprintf(head, "PRIV u%07u ", target->nick) : sprintf(head, "PUB ");
    put_hex(mark + 2, c->id, 4);
    put_hex(mark + 6, ++c->sent, 8);
    put_hex(mark + 14, stamp, 16);
    append(&c->out, head, length);
    append(&c->out, mark, MARK_LENGTH);
    append(&c->out, padding, opt.size - MARK_LENGTH);
    append(&c->out, "\r\n", 2);
    sent++;
}

/* ---- connecting and logging in ------------------------------------------ */

static void start(struct client *c)
{
    static unsigned next_nick;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(c->kind->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0)
        fail("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->began = now();
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0
        && errno != EINPROGRESS) {
        if (errno != EADDRNOTAVAIL)
            fail("connect");
        close(c->fd);           /* a long storm used up the ports: try later */
        return;
    }
    c->state = CONNECTING;
    c->nick = next_nick++;
    c->in.start = c->in.end = c->out.start = c->out.end = 0;
    connecting++;
    watch(c, EPOLL_CTL_ADD, true);
}

static void connected(struct client *c)
{
    char text[64];
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        lose(c);
        return;
    }
    c->state = LOGGING_IN;
    append(&c->out, text, sprintf(text, c->kind->login, c->nick));
    flush(c);
}

static void logged_in(struct client *c, int64_t at)
{
    connecting--;
    logins++;
    record(&login_time, at - c->began);
    if (opt.mode != STORM) {
        c->state = READY;
        ready++;
        return;
    }
    close(c->fd);
    c->state = UNUSED;
    if (sending)
        start(c);
}

/* ---- receiving ---------------------------------------------------------- */

static struct stream *stream_of(int receiver, int sender)
{
    /* In priv a client hears its partner only. */
    return &streams[opt.mode == PRIV ? receiver : receiver * opt.senders + sender];
}

/* Note a sequence number, and say whether the message is new.  Messages that
 * overtook one another are told from repeated ones. */
static bool note_sequence(struct stream *s, uint32_t sequence)
{
    if (sequence > s->highest) {
        uint32_t ahead = sequence - s->highest;
        s->seen = (ahead < 64 ? s->seen << ahead : 0) | 1;
        s->highest = sequence;
        s->unique++;
        return true;
    }
    uint32_t behind = s->highest - sequence;
    if (behind < 64 && s->seen & 1ULL << behind) {
        duplicated++;
        return false;
    }
    out_of_order++;
    if (behind >= 64)           /* too late to tell: it stays counted as lost */
        return false;
    s->seen |= 1ULL << behind;
    s->unique++;
    return true;
}

static void message_arrived(struct client *c, const char *mark, int64_t at)
{
    int sender = get_hex(mark + 2, 4);
    if (sender >= (opt.mode == PRIV ? opt.clients : opt.senders))
        return;
    if (sender == c->id) {
        duplicated++;           /* an echo: the sender has its own message */
        return;
    }
    if (!note_sequence(stream_of(c->id, sender), get_hex(mark + 6, 8)))
        return;
    deliveries++;
    clients[sender].delivered++;
    if (measuring)
        record(&latency, at - (int64_t)get_hex(mark + 14, 16));
    if (opt.mode == PRIV && sending) {
        say(c, &clients[sender], now());
        flush(c);
    }
}

static void report_error(const char *line, int length)
{
    if (errors++ == 0)
        fprintf(stderr, "the server says: %.*s\n", length, line);
}

/* Whether a line is the answer to the login, not news of others' ones. */
static bool is_welcome(const struct client *c, const char *line, int length)
{
    char sign[64];
    return memmem(line, length, sign, sprintf(sign, c->kind->sign, c->nick));
}

static void line_arrived(struct client *c, const char *line, int length, int64_t at)
{
    if (length >= 5 && !memcmp(line, "ERROR", 5)) {
        report_error(line, length);
    } else if (c->state == LOGGING_IN) {
        if (is_welcome(c, line, length))
            logged_in(c, at);
    } else {
        const char *mark = memchr(line, MARK[0], length);
        if (mark && line + length - mark >= MARK_LENGTH && mark[1] == MARK[1])
            message_arrived(c, mark, at);
    }
}

static void readable(struct client *c)
{
    /* One big buffer for all, an unfinished line is kept per client. */
    int kept = c->in.end - c->in.start;
    if (kept)
        memcpy(read_buffer, c->in.data + c->in.start, kept);
    ssize_t n = recv(c->fd, read_buffer + kept, sizeof read_buffer - kept, 0);
    if (n <= 0) {
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            lose(c);
        return;
    }
    last_arrival = now();
    c->in.start = c->in.end = 0;
    char *at = read_buffer, *end = read_buffer + kept + n, *newline;
    while ((newline = memchr(at, '\n', end - at))) {
        line_arrived(c, at, newline - at, last_arrival);
        if (c->state != READY && c->state != LOGGING_IN)
            return;             /* closed; what follows belongs to nobody */
        at = newline + 1;
    }
    if (at < end)
        append(&c->in, at, end - at);
}

static void handle_event(struct client *c, uint32_t happened)
{
    if (c->state == UNUSED || c->state == DEAD)
        return;
    if (c->state == CONNECTING) {
        connected(c);
        return;
    }
    int fd = c->fd;
    if (happened & EPOLLIN)
        readable(c);
    else if (happened & (EPOLLERR | EPOLLHUP | EPOLLRDHUP))
        lose(c);
    if (happened & EPOLLOUT && c->fd == fd && (c->state == READY || c->state == LOGGING_IN))
        flush(c);
}

static void poll_events(int timeout_ms)
{
    static struct epoll_event events[MAX_EVENTS];
    int count = epoll_wait(epoll_fd, events, MAX_EVENTS, timeout_ms);
    for (int i = 0; i < count; i++) {
        uint64_t expirations;
        if (events[i].data.ptr)
            handle_event(events[i].data.ptr, events[i].events);
        else if (read(timer_fd, &expirations, sizeof expirations) < 0 && errno != EAGAIN)
            fail("timerfd");
    }
}

/* ---- feeding: called again and again while the load runs ---------------- */

/* Keep each sender's window full.  A message has left the window when, on
 * the average, every other client has one message more. */
static void feed_fanout(void)
{
    for (int i = 0; i < opt.senders; i++) {
        struct client *c = &clients[i];
        long unconfirmed = c->sent - c->delivered / (opt.clients - 1);
        if (c->state != READY || unconfirmed >= opt.window)
            continue;
        for (int64_t stamp = now(); unconfirmed < opt.window; unconfirmed++)
            say(c, NULL, stamp);
        flush(c);
    }
    poll_events(5);
}

/* Send what is due, stamped with the time it was due: a generator or server
 * that falls behind then shows in the latency instead of hiding in it. */
static void feed_paced(int64_t began)
{
    int64_t due, interval = (int64_t)(SECOND / opt.rate);
    while ((due = began + sent * interval) <= now()) {
        struct client *c = &clients[sent % opt.senders];
        if (c->state != READY)
            break;
        say(c, NULL, due);
        flush(c);
    }
    struct itimerspec alarm = {.it_value = {due / SECOND, due % SECOND}};
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &alarm, NULL);
    poll_events(20);
}

static void feed_priv(void)
{
    if (!sent) {                /* serve the balls, arrivals return them */
        for (int i = 0; i < opt.clients; i += 2) {
            for (int k = 0; k < opt.window; k++)
                say(&clients[i], &clients[i + 1], now());
            flush(&clients[i]);
        }
    }
    poll_events(5);
}

static void feed_storm(void)
{
    for (int i = 0; i < opt.clients; i++)
        if (clients[i].state == UNUSED)
            start(&clients[i]);
    poll_events(5);
}

static void feed(int64_t began)
{
    switch (opt.mode) {
    case FANOUT: feed_fanout(); break;
    case PACED: feed_paced(began); break;
    case PRIV: feed_priv(); break;
    case STORM: feed_storm(); break;
    default: poll_events(50);
    }
}

/* ---- the phases of a run ------------------------------------------------ */

static void connect_all(void)
{
    int64_t limit = now() + 20 * SECOND;
    int next = 0;
    while (ready + dead < opt.clients && now() < limit) {
        while (next < opt.clients && connecting < opt.connecting)
            start(&clients[next++]);
        poll_events(5);
    }
    if (ready < opt.clients) {
        fprintf(stderr, "only %d of %d clients could log in\n", ready, opt.clients);
        exit(3);
    }
    limit = now() + 10 * SECOND;
    for (last_arrival = now(); now() - last_arrival < SETTLE && now() < limit;)
        poll_events(10);
}

/* Run the load for so many seconds, or until nothing moves or lives. */
static void run_for(double seconds, int64_t began)
{
    int64_t until = now() + (int64_t)(seconds * SECOND);
    for (int64_t t = now(); t < until && dead < opt.clients; t = now()) {
        if (opt.mode != IDLE && t - last_arrival > STALLED)
            break;
        feed(began);
    }
}

static bool is_sender(int receiver, int i)
{
    return opt.mode == PRIV ? i == (receiver ^ 1) : i < opt.senders && i != receiver;
}

/* Messages that living receivers should have had and did not. */
static long count_lost(void)
{
    long lost = 0;
    for (int r = 0; r < opt.clients; r++)
        for (int s = 0; s < opt.clients && clients[r].state == READY; s++)
            if (is_sender(r, s))
                lost += clients[s].sent - stream_of(r, s)->unique;
    return lost;
}

static void wait_for_the_rest(void)
{
    long expected = sent * (opt.mode == PRIV ? 1 : opt.clients - 1);
    last_arrival = now();
    while (deliveries < expected && now() - last_arrival < STALLED)
        poll_events(20);
}

/* Everything that a figure is a difference of. */
struct snapshot {
    int64_t at;
    struct usage server;
    double own_cpu;
    long deliveries, logins;
};

static struct snapshot take_snapshot(void)
{
    return (struct snapshot){now(), server_usage(), own_cpu(), deliveries, logins};
}

static void print_storm(long count, double seconds, double cpu)
{
    printf("\"logins\": %ld, \"logins_per_s\": %.0f, \"cpu_us_per_login\": %.2f, "
           "\"login_p50_us\": %.0f, \"login_p99_us\": %.0f, ",
           count, count / seconds, count ? cpu * 1e6 / count : 0,
           percentile(&login_time, 0.5) / 1e3, percentile(&login_time, 0.99) / 1e3);
}

static void print_traffic(long count, double seconds, double cpu)
{
    printf("\"sent\": %ld, \"deliveries\": %ld, \"deliveries_per_s\": %.0f, "
           "\"cpu_us_per_delivery\": %.4f, \"lost\": %ld, \"duplicated\": %ld, "
           "\"out_of_order\": %ld, \"latency_p50_us\": %.0f, \"latency_p99_us\": %.0f, ",
           sent, count, count / seconds, count ? cpu * 1e6 / count : 0, count_lost(),
           duplicated, out_of_order, percentile(&latency, 0.5) / 1e3,
           percentile(&latency, 0.99) / 1e3);
}

static void print_result(long empty_kib, struct snapshot a, struct snapshot b)
{
    double seconds = (b.at - a.at) / (double)SECOND, cpu = b.server.cpu - a.server.cpu;
    putchar('{');
    if (opt.mode == STORM)
        print_storm(b.logins - a.logins, seconds, cpu);
    else if (opt.mode != IDLE)
        print_traffic(b.deliveries - a.deliveries, seconds, cpu);
    else
        printf("\"kib_per_client\": %.2f, ",
               (double)(b.server.rss_kib - empty_kib) / opt.clients);
    printf("\"clients\": %d, \"died\": %d, \"errors\": %ld, \"seconds\": %.3f, "
           "\"rss_kib\": %ld, \"threads\": %ld, \"server_cpu_share\": %.3f, "
           "\"generator_cpu_share\": %.3f}\n",
           opt.clients, dead, errors, seconds, b.server.rss_kib, b.server.threads,
           cpu / seconds, (b.own_cpu - a.own_cpu) / seconds);
}

static void measure(void)
{
    long empty_kib = server_usage().rss_kib;
    sending = true;
    if (opt.mode != STORM)
        connect_all();
    int64_t began = last_arrival = now();
    run_for(opt.warmup, began);

    memset(&latency, 0, sizeof latency);
    memset(&login_time, 0, sizeof login_time);
    measuring = true;
    struct snapshot before = take_snapshot();
    run_for(opt.seconds, began);
    struct snapshot after = take_snapshot();
    if (!after.server.rss_kib) {
        fputs("the server has ended\n", stderr);
        exit(3);
    }
    measuring = sending = false;

    if (opt.mode != STORM && opt.mode != IDLE)
        wait_for_the_rest();
    print_result(empty_kib, before, after);
}

/* ---- options ------------------------------------------------------------ */

static void usage(void)
{
    fputs("usage: loadgen --mode MODE --port PORT --pid SERVER_PID [options]\n"
          "  fanout  --senders S each keep --window W public messages in flight\n"
          "  paced   --rate R public messages per second from S senders in turn\n"
          "  priv    clients in pairs, W private messages to and fro per pair\n"
          "  storm   --clients N connect, log in and leave, all the time\n"
          "  idle    --clients N log in and wait\n"
          "The server speaks crlf on PORT.  Clients that send nothing are spread evenly\n"
          "over crlf and what else it speaks: --json, --slash, --words, --rooms PORT\n"
          "options: --clients 10 --senders 1 --window 8 --size 100 (bytes)\n"
          "  --rate 200 (1/s) --seconds 2 --warmup 0.3 --connecting 64 (at once)\n", stderr);
    exit(2);
}

static bool options_make_sense(void)
{
    return opt.mode < MODES && kinds[CRLF].port > 0 && opt.pid > 0 && opt.clients > 1
           && opt.clients < 65536 && opt.senders > 0 && opt.senders <= opt.clients
           && opt.window > 0 && opt.size >= MARK_LENGTH && opt.size <= MAX_SIZE
           && opt.seconds > 0 && opt.warmup >= 0 && opt.rate > 0 && opt.connecting > 0
           && (opt.mode != PRIV || opt.clients % 2 == 0);
}

static void read_options(int argc, char **argv)
{
    const struct { const char *name; int *whole; double *real; } known[] = {
        {"--port", &kinds[CRLF].port, NULL}, {"--json", &kinds[JSON].port, NULL},
        {"--slash", &kinds[SLASH].port, NULL}, {"--words", &kinds[WORDS].port, NULL},
        {"--rooms", &kinds[ROOMS].port, NULL}, {"--pid", &opt.pid, NULL},
        {"--clients", &opt.clients, NULL}, {"--senders", &opt.senders, NULL},
        {"--window", &opt.window, NULL}, {"--size", &opt.size, NULL},
        {"--connecting", &opt.connecting, NULL}, {"--seconds", NULL, &opt.seconds},
        {"--warmup", NULL, &opt.warmup}, {"--rate", NULL, &opt.rate}};
    const size_t count = sizeof known / sizeof *known;
    if (argc % 2 == 0)
        usage();
    opt.mode = MODES;
    for (char **arg = argv + 1; *arg; arg += 2) {
        size_t k = 0;
        while (k < count && strcmp(*arg, known[k].name))
            k++;
        if (k < count && known[k].whole)
            *known[k].whole = atoi(arg[1]);
        else if (k < count)
            *known[k].real = atof(arg[1]);
        else if (strcmp(*arg, "--mode"))
            usage();
        for (int m = 0; k == count && m < MODES; m++)
            if (!strcmp(arg[1], mode_names[m]))
                opt.mode = m;
    }
    if (!options_make_sense())
        usage();
}

/* Senders speak crlf, the others in turn all that the server was said to speak. */
static void choose_kinds(void)
{
    const struct kind *spoken[KINDS];
    int count = 0, senders = opt.mode == PRIV ? opt.clients : opt.senders;
    for (int k = 0; k < KINDS; k++)
        if (kinds[k].port)
            spoken[count++] = &kinds[k];
    for (int i = 0; i < opt.clients; i++)
        clients[i].kind = i < senders ? &kinds[CRLF] : spoken[(i - senders) % count];
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    alarm((unsigned)(opt.warmup + opt.seconds) + 60);   /* whatever happens */
    memset(padding, 'x', sizeof padding);
    clients = calloc(opt.clients, sizeof *clients);
    streams = calloc((size_t)opt.clients * opt.senders, sizeof *streams);
    epoll_fd = epoll_create1(0);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    if (!clients || !streams || epoll_fd < 0 || timer_fd < 0)
        fail("setup");
    struct epoll_event timer = {.events = EPOLLIN};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &timer);
    for (int i = 0; i < opt.clients; i++)
        clients[i].id = i;
    choose_kinds();
    measure();
    return 0;
}
