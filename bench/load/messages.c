/*
 * Messages, and the count of what arrives: nothing may be lost, come twice,
 * out of order or to somebody else.
 *
 * Every message carries a mark, MARK + 4 hex digits of sender, 8 of sequence
 * number, 16 of time (ns), and is padded with 'x' to --size bytes.  Receivers
 * search a line for the mark, so a server may put what it likes around it.
 */
#include "load.h"
#include <stdlib.h>
#include <string.h>

#define MARK "^~"

/* What one receiver has had from one sender. */
struct stream {
    uint32_t highest, unique;
    uint64_t seen;              /* bit i: message highest - i has arrived */
};

struct histogram latency;
long sent, deliveries, duplicated, out_of_order, strayed;
bool measuring;

static struct stream *streams;
static char padding[MAX_SIZE];

/* In pairs and in rooms of their own, everybody hears one sender. */
static bool hears_one(void) { return opt.mode == PRIV || opt.rooms; }

int members(void) { return opt.rooms ? opt.clients / opt.rooms : opt.clients; }

int audience(void) { return opt.mode == PRIV ? 1 : members() - 1 - opt.stalled; }

struct client *nth_sender(int i) { return &clients[opt.rooms ? i * members() : i]; }

void messages_setup(void)
{
    memset(padding, 'x', sizeof padding);
    streams = calloc((size_t)opt.clients * (hears_one() ? 1 : opt.senders), sizeof *streams);
    if (!streams)
        fail("calloc");
}

static struct stream *stream_of(int receiver, int sender)
{
    return &streams[hears_one() ? receiver : receiver * opt.senders + sender];
}

static bool hears(int receiver, int sender)
{
    if (opt.mode == PRIV)
        return sender == (receiver ^ 1);
    if (opt.rooms)
        return sender != receiver && sender == receiver - receiver % members();
    return sender != receiver && sender < opt.senders;
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
void say(struct client *c, const struct client *target, int64_t stamp)
{
    char head[64], mark[MARK_LENGTH + 1] = MARK;
    const char *behind = "\r\n";
    int length = target ? head_to_one(c, target, head) : head_to_all(c, head, &behind);
    put_hex(mark + 2, c->id, 4);
    put_hex(mark + 6, ++c->sent, 8);
    put_hex(mark + 14, stamp, 16);
    append(&c->out, head, length);
    append(&c->out, mark, MARK_LENGTH);
    append(&c->out, padding, opt.size - MARK_LENGTH);
    append(&c->out, behind, 2);
    sent++;
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

static void marked(struct client *c, const char *mark, int64_t at)
{
    int sender = get_hex(mark + 2, 4);
    if (sender == c->id) {
        duplicated += !c->kind->echoes;     /* the sender has its own message */
        return;
    }
    if (sender >= opt.clients || !hears(c->id, sender)) {
        strayed++;
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

void message_arrived(struct client *c, const char *line, int length, int64_t at)
{
    const char *mark = memchr(line, MARK[0], length);
    if (mark && line + length - mark >= MARK_LENGTH && mark[1] == MARK[1])
        marked(c, mark, at);
}

static long lost_by(int receiver)
{
    long lost = 0;
    int count = opt.mode == PRIV ? opt.clients : opt.senders;
    for (int i = 0; i < count; i++) {
        struct client *sender = nth_sender(i);
        if (hears(receiver, sender->id))
            lost += sender->sent - stream_of(receiver, sender->id)->unique;
    }
    return lost;
}

/* Messages that living receivers should have had and did not. */
long count_lost(void)
{
    long lost = 0;
    for (int i = 0; i < opt.clients; i++)
        if (clients[i].state == READY && !is_stalled(&clients[i]))
            lost += lost_by(i);
    return lost;
}
