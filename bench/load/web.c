/* WebSocket (RFC 6455): how a client of it logs in, and its frames. */
#define _GNU_SOURCE
#include "load.h"
#include <stdio.h>
#include <string.h>

#define FINAL_TEXT 0x81
#define MASKED 0x80
#define SHORT 126                   /* lengths below this have one byte, others three here */

static const char head[] = "{\"type\":\"message\",\"data\":\"";
static const char tail[] = "\"}";

bool speaks_web(const struct client *c) { return c->kind == &kinds[WEB]; }

/* Write the head of a frame.  The mask is 0, which leaves the text as it is. */
static int frame_head(char *to, int size)
{
    int length = 2;
    to[0] = (char)FINAL_TEXT;
    to[1] = (char)(MASKED | (size < SHORT ? size : SHORT));
    if (size >= SHORT) {
        to[length++] = (char)(size >> 8);
        to[length++] = (char)size;
    }
    memset(to + length, 0, 4);
    return length + 4;
}

/* Write a handshake and, behind it, the login. */
int web_login(const struct client *c, char *text)
{
    char login[64];
    int size = sprintf(login, "{\"type\":\"set-name\",\"data\":\"u%07u\"}", c->nick);
    int length = sprintf(text, "GET /chat HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
                         "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    length += frame_head(text + length, size);
    memcpy(text + length, login, size);
    return length + size;
}

/* Write what stands before a message of so many bytes, and give what stands behind it. */
int web_say(char *text, int size, const char **behind)
{
    int length = frame_head(text, (int)(sizeof head - 1 + sizeof tail - 1) + size);
    memcpy(text + length, head, sizeof head - 1);
    *behind = tail;
    return length + (int)sizeof head - 1;
}

/* Find the first message: its text and length, and where the next one begins.
 * False: it is not all there yet. */
bool web_message(const char *at, const char *end, const char **text, int *length, const char **next)
{
    const char *http_end;
    if (end > at && *at == 'H') {   /* no frame begins so: the answer to the handshake */
        http_end = memmem(at, end - at, "\r\n\r\n", 4);
        *text = at;
        *length = http_end ? (int)(http_end - at) : 0;
        *next = http_end + 4;
        return http_end;
    }
    if (end - at < 4)
        return false;
    const unsigned char *bytes = (const unsigned char *)at;
    *length = bytes[1];
    *text = at + 2;
    if (*length >= SHORT) {         /* a server's messages have less than 64 KiB */
        *length = bytes[2] << 8 | bytes[3];
        *text += 2;
    }
    *next = *text + *length;
    return *next <= end;
}
