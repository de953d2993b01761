/* What the parts of the load generator share.  main.c says what it is for. */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SECOND 1000000000LL         /* times are int64_t nanoseconds */
#define MAX_SIZE 60000              /* bytes of a message's text */
#define MARK_LENGTH (2 + 4 + 8 + 16)

enum mode { FANOUT, PACED, PRIV, STORM, IDLE, MODES };

struct options {
    enum mode mode;
    int pid, clients, senders, window, size, connecting, rooms, stalled, tls;
    double seconds, warmup, rate;
};

/* ---- measure.c: time, the histogram, what the server uses ---------------- */

struct histogram { uint64_t count, cells[64 * 64]; };

int64_t now(void);
void record(struct histogram *h, int64_t value);
double percentile(const struct histogram *h, double fraction);
double server_cpu(int pid);         /* seconds, user + system, all threads */
double own_cpu(void);
long server_memory(int pid);        /* resident, KiB */
long server_threads(int pid);

/* ---- link.c: one connection, plain or with TLS --------------------------- */

struct link { int fd; void *tls; bool wants_write; };

bool link_open(struct link *link, int port, bool tls, bool small_buffer);
ssize_t link_receive(struct link *link, char *to, size_t size);
ssize_t link_send(struct link *link, const char *data, size_t size);
bool link_has_more(const struct link *link);
void link_close(struct link *link);

/* ---- kinds.c: the protocols ---------------------------------------------- */

enum { CRLF, IRC, WEB, JSON, SLASH, WORDS, ROOMS, KINDS };

struct client;
struct kind {
    const char *option;             /* --crlf PORT */
    const char *login;              /* %07u is the number in the nick; web_login: NULL */
    const char *sign;               /* tells a client that it is in */
    const char *entered;            /* answers entrance() */
    bool echoes;                    /* whoever says something hears it, too */
    int port;                       /* 0: the server does not speak it */
};
extern struct kind kinds[KINDS];

void choose_kinds(void);
int entrance(const struct client *c, char *text, int *answers);
int head_to_all(const struct client *c, char *text, const char **behind);
int head_to_one(const struct client *c, const struct client *target, char *text);
int ping_answer(const struct client *c, const char *line, int length, char *text);
bool is_error(const struct client *c, const char *line, int length);
bool has_sign(const struct client *c, const char *sign, const char *line, int length);

/* ---- web.c: WebSocket ---------------------------------------------------- */

bool speaks_web(const struct client *c);
int web_login(const struct client *c, char *text);
int web_say(char *text, int size, const char **behind);
bool web_message(const char *at, const char *end, const char **text, int *length,
                 const char **next);

/* ---- clients.c: connections, logging in, bytes in and out ---------------- */

enum state { UNUSED, CONNECTING, LOGGING_IN, ENTERING, READY, DEAD };

struct buffer { char *data; int start, end, capacity; };

struct client {
    struct link link;
    int id;
    struct kind *kind;
    enum state state;
    unsigned nick;              /* new for every login: nicks never collide */
    int answers;                /* still due before it is in its room */
    bool watches_write;
    struct buffer in, out;      /* in: an unfinished line, out: unsent bytes */
    long sent;                  /* own messages, also the last sequence number */
    long delivered;             /* of those, arrivals at other clients */
    int64_t began;              /* when it started to connect */
};

extern struct options opt;
extern struct client *clients;
extern struct histogram login_time;
extern int ready, dead, dropped, connecting;
extern long logins, errors;
extern bool sending;            /* answer (priv), log in again (storm) */
extern int64_t last_arrival;

void clients_setup(void);
void fail(const char *what);
bool is_stalled(const struct client *c);
void start(struct client *c);
void append(struct buffer *b, const char *data, int length);
void flush(struct client *c);
void poll_events(int timeout_ms);
void wake_at(int64_t moment);

/* ---- messages.c: marks, sequence numbers, what arrives ------------------- */

extern struct histogram latency;
extern long sent, deliveries, duplicated, out_of_order, strayed;
extern bool measuring;          /* record latencies */

void messages_setup(void);
struct client *nth_sender(int i);
int members(void);              /* clients in one room */
int audience(void);             /* how many hear one message */
void say(struct client *c, const struct client *target, int64_t stamp);
void message_arrived(struct client *c, const char *line, int length, int64_t at);
long count_lost(void);

#endif
