/*
 * loadgen: load for a chat server that speaks lines (LOGIN, PUB, PRIV, or IRC),
 * with listeners of other protocols among them if asked for: see kinds.c.
 *
 * One thread and one epoll set, so that on a small machine the server, not
 * the generator, is what gets measured.  It talks to 127.0.0.1 only, ends by
 * itself, and prints one line of JSON.  See usage() for modes and options.
 */
#include "load.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETTLE (150 * 1000000LL)    /* quiet for so long: logins are through */
#define STALLED (3 * SECOND)        /* nothing arrives for so long: give up */
#define STUFFING (1 << 20)          /* bytes: more than kernel and server keep for one client */

static const char *const mode_names[MODES] = {"fanout", "paced", "priv", "storm", "idle"};

/* ---- feeding: called again and again while the load runs ---------------- */

/* Keep each sender's window full.  A message has left the window when, on
 * the average, every other client has one message more. */
static void feed_fanout(void)
{
    for (int i = 0; i < opt.senders; i++) {
        struct client *c = nth_sender(i);
        long unconfirmed = c->sent - c->delivered / audience();
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
        struct client *c = nth_sender(sent % opt.senders);
        if (c->state != READY)
            break;
        say(c, NULL, due);
        flush(c);
    }
    wake_at(due);
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

/* Connect the first clients of all rooms, which make them, or all the others. */
static void connect_wave(bool first, int until_ready)
{
    int64_t limit = now() + 20 * SECOND;
    int next = 0;
    while (ready + dead < until_ready && now() < limit) {
        for (; next < opt.clients && connecting < opt.connecting; next++)
            if ((next % members() == 0) == first)
                start(&clients[next]);
        poll_events(5);
    }
    if (ready < until_ready) {
        fprintf(stderr, "only %d of %d clients could log in\n", ready, opt.clients);
        exit(3);
    }
}

static void connect_all(void)
{
    connect_wave(true, opt.rooms ? opt.rooms : 1);
    connect_wave(false, opt.clients);
    int64_t limit = now() + 10 * SECOND;
    for (last_arrival = now(); now() - last_arrival < SETTLE && now() < limit;)
        poll_events(10);
}

/* Have one client, which does nothing else, write to those that do not read,
 * until the server can keep no more for them. */
static void stuff(void)
{
    struct client *stuffer = &clients[opt.clients - opt.stalled - 1];
    char line[1024], head[64];
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    for (int size = 0; size < STUFFING * opt.stalled; size += sizeof line) {
        struct client *target = stuffer + 1 + size / STUFFING;
        append(&stuffer->out, head, head_to_one(stuffer, target, head));
        append(&stuffer->out, line, sizeof line);
    }
    flush(stuffer);
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

static void wait_for_the_rest(void)
{
    long expected = sent * audience();
    last_arrival = now();
    while (deliveries < expected && now() - last_arrival < STALLED)
        poll_events(20);
}

/* Everything that a figure is a difference of. */
struct snapshot { int64_t at; double server_cpu, own_cpu; long deliveries, logins; };

static struct snapshot take_snapshot(void)
{
    return (struct snapshot){now(), server_cpu(opt.pid), own_cpu(), deliveries, logins};
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
    printf("\"sent\": %ld, \"deliveries\": %ld, \"arrived\": %ld, \"deliveries_per_s\": %.0f, "
           "\"cpu_us_per_delivery\": %.4f, \"cpu_us_per_message\": %.4f, \"lost\": %ld, "
           "\"duplicated\": %ld, \"out_of_order\": %ld, \"strayed\": %ld, "
           "\"latency_p50_us\": %.0f, \"latency_p99_us\": %.0f, ",
           sent, count, deliveries, count / seconds, count ? cpu * 1e6 / count : 0,
           count ? cpu * 1e6 / count * audience() : 0, count_lost(), duplicated, out_of_order,
           strayed, percentile(&latency, 0.5) / 1e3, percentile(&latency, 0.99) / 1e3);
}

static void print_result(long empty_kib, long kib, struct snapshot a, struct snapshot b)
{
    double seconds = (b.at - a.at) / (double)SECOND, cpu = b.server_cpu - a.server_cpu;
    putchar('{');
    if (opt.mode == STORM)
        print_storm(b.logins - a.logins, seconds, cpu);
    else if (opt.mode != IDLE)
        print_traffic(b.deliveries - a.deliveries, seconds, cpu);
    else
        printf("\"kib_per_client\": %.2f, ", (double)(kib - empty_kib) / opt.clients);
    printf("\"clients\": %d, \"died\": %d, \"dropped\": %d, \"errors\": %ld, "
           "\"seconds\": %.3f, \"rss_kib\": %ld, \"threads\": %ld, "
           "\"server_cpu_share\": %.3f, \"generator_cpu_share\": %.3f}\n",
           opt.clients, dead, dropped, errors, seconds, kib, server_threads(opt.pid),
           cpu / seconds, (b.own_cpu - a.own_cpu) / seconds);
}

static void measure(void)
{
    long empty_kib = server_memory(opt.pid);
    sending = true;
    if (opt.mode != STORM)
        connect_all();
    if (opt.stalled)
        stuff();
    int64_t began = last_arrival = now();
    run_for(opt.warmup, began);

    memset(&latency, 0, sizeof latency);
    memset(&login_time, 0, sizeof login_time);
    measuring = true;
    struct snapshot before = take_snapshot();
    run_for(opt.seconds, began);
    struct snapshot after = take_snapshot();
    measuring = sending = false;
    long kib = server_memory(opt.pid);
    if (!kib) {
        fputs("the server has ended\n", stderr);
        exit(3);
    }
    if (opt.mode != STORM && opt.mode != IDLE)
        wait_for_the_rest();
    print_result(empty_kib, kib, before, after);
}

/* ---- options ------------------------------------------------------------ */

static void usage(void)
{
    fputs("usage: loadgen --mode MODE --crlf PORT --pid SERVER_PID [options]\n"
          "  fanout  --senders S each keep --window W public messages in flight\n"
          "  paced   --rate R public messages per second from S senders in turn\n"
          "  priv    clients in pairs, W private messages to and fro per pair\n"
          "  storm   --clients N connect, log in and leave, all the time\n"
          "  idle    --clients N log in and wait\n"
          "The server speaks crlf on PORT, or --irc PORT, or --web PORT.  Clients that send nothing are\n"
          "spread evenly over that and what else it speaks: --json, --slash, --words,\n"
          "--rooms-dialect PORT.\n"
          "options: --clients 10 --senders 1 --window 8 --size 100 (bytes)\n"
          "  --rate 200 (1/s) --seconds 2 --warmup 0.3 --connecting 64 (at once)\n"
          "  --rooms 0 (so many rooms share the clients, one sender in each)\n"
          "  --stalled 0 (clients that do not read) --tls 0 (1: all clients use TLS)\n", stderr);
    exit(2);
}

static bool options_make_sense(void)
{
    return opt.mode < MODES && opt.pid > 0 && (kinds[CRLF].port > 0 || kinds[IRC].port > 0 || kinds[WEB].port > 0)
           && opt.clients > 1 && opt.clients < 65536 && opt.senders > 0
           && opt.senders <= opt.clients - opt.stalled && opt.window > 0
           && opt.size >= MARK_LENGTH && opt.size <= MAX_SIZE && opt.seconds > 0
           && opt.warmup >= 0 && opt.rate > 0 && opt.connecting > 0 && opt.stalled >= 0
           && opt.rooms >= 0 && (!opt.rooms || opt.clients % opt.rooms == 0) && audience() > 0
           && (opt.mode != PRIV || opt.clients % 2 == 0);
}

/* Where the value of an option goes, one of the two. */
struct option { const char *name; int *whole; double *real; };

static void set_option(const struct option *known, const char *name, const char *value)
{
    for (int k = 0; k < KINDS; k++)
        if (!strcmp(name, kinds[k].option)) {
            kinds[k].port = atoi(value);
            return;
        }
    while (known->name && strcmp(name, known->name))
        known++;
    if (known->whole)
        *known->whole = atoi(value);
    else if (known->real)
        *known->real = atof(value);
    else
        usage();
}

static enum mode mode_called(const char *name)
{
    int mode = 0;
    while (mode < MODES && strcmp(name, mode_names[mode]))
        mode++;
    return mode;
}

static void read_options(int argc, char **argv)
{
    const struct option known[] = {
        {"--pid", &opt.pid, NULL}, {"--clients", &opt.clients, NULL},
        {"--senders", &opt.senders, NULL}, {"--window", &opt.window, NULL},
        {"--size", &opt.size, NULL}, {"--connecting", &opt.connecting, NULL},
        {"--rooms", &opt.rooms, NULL}, {"--stalled", &opt.stalled, NULL},
        {"--tls", &opt.tls, NULL}, {"--seconds", NULL, &opt.seconds},
        {"--warmup", NULL, &opt.warmup}, {"--rate", NULL, &opt.rate}, {NULL, NULL, NULL}};
    opt.mode = MODES;
    if (argc % 2 == 0)
        usage();
    for (char **arg = argv + 1; *arg; arg += 2) {
        if (!strcmp(*arg, "--mode"))
            opt.mode = mode_called(arg[1]);
        else
            set_option(known, *arg, arg[1]);
    }
    if (opt.rooms)
        opt.senders = opt.rooms;
    if (!options_make_sense())
        usage();
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    alarm((unsigned)(opt.warmup + opt.seconds) + 60);   /* whatever happens */
    clients_setup();
    messages_setup();
    measure();
    return 0;
}
