/*
 * relay: the floor to measure against, as little as a chat server can do.
 *
 * One thread and one epoll set.  What the clients of one turn say is copied
 * to everybody who hears it, and leaves in one send per client.  It speaks
 * LOGIN, PUB, PRIV and LIST of crlf, has no limits, and nothing that is not
 * needed to be measured.  usage: relay --port-file FILE
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_EVENTS 1024
#define MAX_CLIENTS 65536
#define NICK_SIZE 64

struct buffer { char *data; size_t start, end, capacity; };

struct client {
    int fd, index;              /* index: where it is in clients */
    char nick[NICK_SIZE];       /* empty before LOGIN */
    struct buffer in, out;      /* in: an unfinished line, out: what waits for the client */
    bool dirty, watches_write;
};

static struct client *clients[MAX_CLIENTS], *dirty[MAX_CLIENTS], *gone[MAX_EVENTS];
static int client_count, dirty_count, gone_count, epoll_fd, listener;
static char read_buffer[1 << 18];

static void fail(const char *what) { perror(what); exit(1); }

/* ---- bytes out ----------------------------------------------------------- */

static void append(struct buffer *b, const char *data, size_t length)
{
    if (b->end + length > b->capacity) {
        b->capacity = (b->end + length) * 2;
        b->data = realloc(b->data, b->capacity);
        if (!b->data)
            fail("realloc");
    }
    memcpy(b->data + b->end, data, length);
    b->end += length;
}

static void put(struct client *c, const char *data, size_t length)
{
    append(&c->out, data, length);
    if (!c->dirty) {
        c->dirty = true;
        dirty[dirty_count++] = c;
    }
}

static void put_text(struct client *c, const char *text) { put(c, text, strlen(text)); }

static void watch(struct client *c, int operation, bool write)
{
    struct epoll_event e = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = c};
    c->watches_write = write;
    if (epoll_ctl(epoll_fd, operation, c->fd, &e) < 0)
        fail("epoll_ctl");
}

/* Everything that waits, in one send. What is left goes when there is room. */
static void flush(struct client *c)
{
    struct buffer *b = &c->out;
    c->dirty = false;
    if (c->fd < 0)
        return;
    ssize_t n = send(c->fd, b->data + b->start, b->end - b->start, MSG_DONTWAIT | MSG_NOSIGNAL);
    b->start += n > 0 ? n : 0;
    bool unsent = b->start < b->end;
    if (!unsent)
        b->start = b->end = 0;
    if (c->watches_write != unsent)
        watch(c, EPOLL_CTL_MOD, unsent);
}

/* ---- who is there -------------------------------------------------------- */

static struct client *find(const char *nick)
{
    for (int i = 0; i < client_count; i++)
        if (!strcmp(clients[i]->nick, nick))
            return clients[i];
    return NULL;
}

static void greet(void)
{
    int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct client *c = calloc(1, sizeof *c);
    if (!c || client_count == MAX_CLIENTS)
        fail("accept");
    c->fd = fd;
    c->index = client_count;
    clients[client_count++] = c;
    watch(c, EPOLL_CTL_ADD, false);
}

/* Others of this turn may still point to it: it is freed at the turn's end. */
static void leave(struct client *c)
{
    close(c->fd);
    c->fd = -1;
    clients[c->index] = clients[--client_count];
    clients[c->index]->index = c->index;
    gone[gone_count++] = c;
}

/* ---- the messages -------------------------------------------------------- */

static void login(struct client *c, const char *nick)
{
    if (!*nick || strlen(nick) >= NICK_SIZE || strchr(nick, ' ') || find(nick)) {
        put_text(c, "ERROR this nick cannot be had\r\n");
        return;
    }
    strcpy(c->nick, nick);
    put_text(c, "OK\r\n");
}

/* `line` has room for PUB_ in front of it. */
static void publish(struct client *c, char *line, size_t length)
{
    char *whole = line - 4;     /* "PUB text" becomes "PUB_MSG text" */
    memcpy(whole, "PUB_MSG ", 8);
    memcpy(line + length, "\r\n", 2);
    for (int i = 0; i < client_count; i++)
        if (clients[i] != c && *clients[i]->nick)
            put(clients[i], whole, length + 6);
}

static void tell(struct client *c, char *nick)
{
    char *text = strchr(nick, ' ');
    struct client *target = NULL;
    if (text) {
        *text++ = 0;
        target = *nick ? find(nick) : NULL;
    }
    if (!target) {
        put_text(c, "ERROR nobody to tell it\r\n");
        return;
    }
    put_text(target, "PRIV_FROM ");
    put_text(target, c->nick);
    put_text(target, " ");
    put_text(target, text);
    put_text(target, "\r\n");
    put_text(c, "OK\r\n");
}

static void list(struct client *c)
{
    put_text(c, "USERS");
    for (int i = 0; i < client_count; i++) {
        put_text(c, *clients[i]->nick ? " " : "");
        put_text(c, clients[i]->nick);
    }
    put_text(c, "\r\n");
}

/* `line` ends with a 0 where its CR LF was. */
static void obey(struct client *c, char *line, size_t length)
{
    if (!strncmp(line, "LOGIN ", 6))
        login(c, line + 6);
    else if (!*c->nick)
        put_text(c, "ERROR log in first\r\n");
    else if (!strncmp(line, "PUB ", 4))
        publish(c, line, length);
    else if (!strncmp(line, "PRIV ", 5))
        tell(c, line + 5);
    else if (!strcmp(line, "LIST"))
        list(c);
    else
        put_text(c, "ERROR unknown\r\n");
}

/* ---- bytes in ------------------------------------------------------------ */

static void split(struct client *c, char *at, char *end)
{
    char *newline;
    c->in.end = 0;
    while ((newline = memchr(at, '\n', end - at))) {
        char *last = newline > at && newline[-1] == '\r' ? newline - 1 : newline;
        char after[2] = {last[0], last[1]};     /* publish() writes a line end there */
        *last = 0;
        obey(c, at, last - at);
        memcpy(last, after, 2);
        at = newline + 1;
    }
    append(&c->in, at, end - at);
}

static void readable(struct client *c)
{
    char *begin = read_buffer + 8;      /* publish() writes in front of a line */
    size_t kept = c->in.end, space = sizeof read_buffer - 16;
    if (kept >= space) {                /* a line without an end */
        leave(c);
        return;
    }
    if (kept)
        memcpy(begin, c->in.data, kept);
    ssize_t n = recv(c->fd, begin + kept, space - kept, 0);
    if (n > 0)
        split(c, begin, begin + kept + n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        leave(c);
}

static void turn(void)
{
    static struct epoll_event events[MAX_EVENTS];
    int count = epoll_wait(epoll_fd, events, MAX_EVENTS, -1);
    for (int i = 0; i < count; i++) {
        struct client *c = events[i].data.ptr;
        if (!c)
            greet();
        else if (events[i].events & EPOLLOUT)
            put(c, "", 0);              /* it is flushed with the others */
        if (c && events[i].events & ~EPOLLOUT)
            readable(c);
    }
    for (int i = 0; i < dirty_count; i++)
        flush(dirty[i]);
    for (int i = 0; i < gone_count; i++) {
        free(gone[i]->in.data);
        free(gone[i]->out.data);
        free(gone[i]);
    }
    dirty_count = gone_count = 0;
}

/* ---- starting ------------------------------------------------------------ */

static int listen_anywhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 1024) < 0
        || getsockname(listener, (struct sockaddr *)&address, &size) < 0)
        fail("listen");
    struct epoll_event e = {.events = EPOLLIN};
    epoll_fd = epoll_create1(0);
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &e) < 0)
        fail("epoll");
    return ntohs(address.sin_port);
}

/* Written whole and then renamed: readers never see half a line. */
static void write_port(const char *path, int port)
{
    char unfinished[4096];
    snprintf(unfinished, sizeof unfinished, "%s.new", path);
    FILE *file = fopen(unfinished, "w");
    if (!file || fprintf(file, "crlf 127.0.0.1 %d\n", port) < 0 || fclose(file)
        || rename(unfinished, path))
        fail(path);
}

int main(int argc, char **argv)
{
    if (argc != 3 || strcmp(argv[1], "--port-file")) {
        fputs("usage: relay --port-file FILE\n", stderr);
        return 2;
    }
    write_port(argv[2], listen_anywhere());
    for (;;)
        turn();
}
