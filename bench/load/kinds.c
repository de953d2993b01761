/* The protocols: how a client of each logs in, speaks and is answered. */
#define _GNU_SOURCE
#include "load.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct kind kinds[KINDS] = {
    [CRLF] = {"--crlf", "LOGIN u%07u\r\n", "OK", "OK", false, 0},
    [IRC] = {"--irc", "NICK u%07u\r\nUSER u 0 * :u\r\n", " 001 u%07u ", " 366 u%07u ", false, 0},
    [WEB] = {"--web", NULL, "\"u%07u has entered", "", true, 0},
    [JSON] = {"--json", "{\"type\":\"set-name\",\"data\":\"u%07u\"}\n", "renamed to u%07u\"", "", true, 0},
    [SLASH] = {"--slash", "1\nu%07u\n", "u%07u! Zostales", "", false, 0},
    [WORDS] = {"--words", "login u%07u\n", "[u%07u] log in.", "", false, 0},
    [ROOMS] = {"--rooms-dialect", "u%07u\n", "You joined the room", "", false, 0},
};

static bool speaks_irc(const struct client *c) { return c->kind == &kinds[IRC]; }

/* Senders speak crlf, or, where the server was not said to, irc or WebSocket;
 * the others in turn all that it was said to speak. */
void choose_kinds(void)
{
    struct kind *spoken[KINDS], *first;
    int count = 0, senders = opt.mode == PRIV || opt.rooms ? opt.clients : opt.senders;
    for (int k = 0; k < KINDS; k++)
        if (kinds[k].port)
            spoken[count++] = &kinds[k];
    first = spoken[0];
    for (int i = 0; i < opt.clients; i++)
        clients[i].kind = i < senders ? first : spoken[(i - senders) % count];
}

/* Write what brings a client that is logged in into its room, and say how many
 * answers that has.  The first client of a room makes it.  An IRC channel is
 * joined only where somebody talks in it: a thousand joins take ngircd long. */
int entrance(const struct client *c, char *text, int *answers)
{
    *answers = 1;
    if (speaks_irc(c) && (opt.mode == FANOUT || opt.mode == PACED))
        return sprintf(text, "JOIN #x\r\n");
    if (!opt.rooms)
        return 0;
    int room = c->id / members();
    if (c->id % members())
        return sprintf(text, "JOIN r%d\r\n", room);
    *answers = 2;
    return sprintf(text, "CREATE r%d\r\nJOIN r%d\r\n", room, room);
}

int head_to_all(const struct client *c, char *text, const char **behind)
{
    if (speaks_web(c))
        return web_say(text, opt.size, behind);
    if (speaks_irc(c))
        return sprintf(text, "PRIVMSG #x :");
    if (opt.rooms)
        return sprintf(text, "SAY r%d ", c->id / members());
    return sprintf(text, "PUB ");
}

int head_to_one(const struct client *c, const struct client *target, char *text)
{
    return sprintf(text, speaks_irc(c) ? "PRIVMSG u%07u :" : "PRIV u%07u ", target->nick);
}

/* Write the answer to a line that asks whether we are still there; 0: it does not. */
int ping_answer(const struct client *c, const char *line, int length, char *text)
{
    if (!speaks_irc(c) || length < 6 || length > 100 || memcmp(line, "PING ", 5))
        return 0;
    return sprintf(text, "PONG %.*s\n", length - 5, line + 5);
}

bool is_error(const struct client *c, const char *line, int length)
{
    if (length >= 5 && !memcmp(line, "ERROR", 5))
        return true;
    if (!speaks_irc(c) || c->state != READY)    /* before, 422 says there is no MOTD */
        return false;
    const char *code = memchr(line, ' ', length);
    return code && line + length - code > 4 && code[1] == '4' && isdigit(code[2])
           && isdigit(code[3]) && code[4] == ' ';
}

/* Whether a line is the answer to this client, not news of others. */
bool has_sign(const struct client *c, const char *sign, const char *line, int length)
{
    char text[64];
    return memmem(line, length, text, sprintf(text, sign, c->nick));
}
