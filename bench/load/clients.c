/* The clients: connecting, logging in, bytes in and out. */
#define _GNU_SOURCE
#include "load.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define MAX_EVENTS 2048

struct options opt = {.clients = 10, .senders = 1, .window = 8, .size = 100, .connecting = 64,
                      .seconds = 2, .warmup = 0.3, .rate = 200};
struct client *clients;
struct histogram login_time;
int ready, dead, dropped, connecting;
long logins, errors;
bool sending;
int64_t last_arrival;

static int epoll_fd, timer_fd;
static char read_buffer[1 << 19];

void fail(const char *what) { perror(what); exit(2); }

void clients_setup(void)
{
    struct epoll_event timer = {.events = EPOLLIN};
    clients = calloc(opt.clients, sizeof *clients);
    epoll_fd = epoll_create1(0);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    if (!clients || timer_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, timer_fd, &timer) < 0)
        fail("setup");
    for (int i = 0; i < opt.clients; i++)
        clients[i].id = i;
    choose_kinds();
}

/* The last --stalled clients log in and read nothing from then on. */
bool is_stalled(const struct client *c) { return c->id >= opt.clients - opt.stalled; }

/* Writes to those, and is told when they have been dropped: no error of the server's. */
static bool is_stuffer(const struct client *c)
{
    return opt.stalled && c->id == opt.clients - opt.stalled - 1;
}

/* ---- bytes out ----------------------------------------------------------- */

void append(struct buffer *b, const char *data, int length)
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
    bool deaf = c->state == READY && is_stalled(c);
    struct epoll_event e = {.events = deaf ? 0 : EPOLLIN | EPOLLRDHUP | (write ? EPOLLOUT : 0),
                            .data.ptr = c};
    c->watches_write = write;
    if (epoll_ctl(epoll_fd, operation, c->link.fd, &e) < 0)
        fail("epoll_ctl");
}

/* The connection ended though nobody here ended it. */
static void lose(struct client *c)
{
    if (c->state == READY)
        ready--;
    else
        connecting--;
    if (c->state == READY && is_stalled(c))
        dropped++;
    else
        dead++;
    c->state = DEAD;
    link_close(&c->link);
}

void flush(struct client *c)
{
    struct buffer *b = &c->out;
    ssize_t n = 1;
    c->link.wants_write = false;
    while (b->start < b->end && n > 0) {
        n = link_send(&c->link, b->data + b->start, b->end - b->start);
        if (n < 0) {
            lose(c);
            return;
        }
        b->start += n;
    }
    if (c->watches_write != c->link.wants_write)
        watch(c, EPOLL_CTL_MOD, c->link.wants_write);
}

/* ---- connecting and logging in ------------------------------------------- */

void start(struct client *c)
{
    static unsigned next_nick;
    c->began = now();
    if (!link_open(&c->link, c->kind->port, opt.tls, is_stalled(c)))
        return;                 /* a long storm used up the ports: try later */
    c->state = CONNECTING;
    c->nick = next_nick++;
    c->in.start = c->in.end = c->out.start = c->out.end = 0;
    connecting++;
    watch(c, EPOLL_CTL_ADD, true);
}

static void connected(struct client *c)
{
    char text[256];
    int error = 0, length;
    socklen_t size = sizeof error;
    getsockopt(c->link.fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) {
        lose(c);
        return;
    }
    c->state = LOGGING_IN;
    length = speaks_web(c) ? web_login(c, text) : sprintf(text, c->kind->login, c->nick);
    append(&c->out, text, length);
    flush(c);
}

static void is_in(struct client *c, int64_t at)
{
    connecting--;
    logins++;
    record(&login_time, at - c->began);
    if (opt.mode != STORM) {
        c->state = READY;
        ready++;
        if (is_stalled(c))
            watch(c, EPOLL_CTL_MOD, false);
        return;
    }
    link_close(&c->link);
    c->state = UNUSED;
    if (sending)
        start(c);
}

static void logged_in(struct client *c, int64_t at)
{
    char text[64];
    int length = entrance(c, text, &c->answers);
    if (!length) {
        is_in(c, at);
        return;
    }
    c->state = ENTERING;
    append(&c->out, text, length);
    flush(c);
}

/* ---- bytes in ------------------------------------------------------------ */

static void line_arrived(struct client *c, const char *line, int length, int64_t at)
{
    char answer[128];
    int answered;
    if (is_error(c, line, length)) {
        if (!is_stuffer(c) && errors++ == 0)
            fprintf(stderr, "the server says: %.*s\n", length, line);
    } else if ((answered = ping_answer(c, line, length, answer))) {
        append(&c->out, answer, answered);
        flush(c);
    } else if (c->state == LOGGING_IN) {
        if (has_sign(c, c->kind->sign, line, length))
            logged_in(c, at);
    } else if (c->state == ENTERING) {
        if (has_sign(c, c->kind->entered, line, length) && --c->answers == 0)
            is_in(c, at);
    } else {
        message_arrived(c, line, length, at);
    }
}

static bool reads(const struct client *c)
{
    return c->state == LOGGING_IN || c->state == ENTERING || c->state == READY;
}

/* Find the first line, like web_message. */
static bool text_line(const char *at, const char *end, const char **line, int *length,
                      const char **next)
{
    const char *newline = memchr(at, '\n', end - at);
    *line = at;
    *length = newline - at;
    *next = newline + 1;
    return newline;
}

/* Take the lines, or messages, out of the first `length` bytes of read_buffer. */
static void split(struct client *c, ssize_t length)
{
    const char *at = read_buffer, *end = read_buffer + length, *line, *next;
    int size;
    while ((speaks_web(c) ? web_message : text_line)(at, end, &line, &size, &next)) {
        line_arrived(c, line, size, last_arrival);
        if (!reads(c))
            return;             /* closed; what follows belongs to nobody */
        at = next;
    }
    if (at < end)
        append(&c->in, at, end - at);
}

static void readable(struct client *c)
{
    do {                        /* one big buffer for all, an unfinished line is kept per client */
        int kept = c->in.end - c->in.start;
        if (kept)
            memcpy(read_buffer, c->in.data + c->in.start, kept);
        ssize_t n = link_receive(&c->link, read_buffer + kept, sizeof read_buffer - kept);
        if (n < 0)
            lose(c);
        if (n <= 0)
            return;
        last_arrival = now();
        c->in.start = c->in.end = 0;
        split(c, kept + n);
    } while (reads(c) && link_has_more(&c->link));
}

static void handle_event(struct client *c, uint32_t happened)
{
    if (c->state == UNUSED || c->state == DEAD)
        return;
    if (c->state == CONNECTING) {
        connected(c);
        return;
    }
    unsigned nick = c->nick;    /* in a storm it may be another connection afterwards */
    if (happened & EPOLLIN)
        readable(c);
    else if (happened & (EPOLLERR | EPOLLHUP | EPOLLRDHUP))
        lose(c);
    if (c->nick == nick && reads(c) && c->out.start < c->out.end)
        flush(c);
}

void poll_events(int timeout_ms)
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

/* Have poll_events return at a moment, by a clock finer than its timeout. */
void wake_at(int64_t moment)
{
    struct itimerspec alarm = {.it_value = {moment / SECOND, moment % SECOND}};
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &alarm, NULL);
}
