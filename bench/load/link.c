/* One connection to 127.0.0.1, plain or, where OpenSSL was there, with TLS. */
#define _GNU_SOURCE
#include "load.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef WITH_TLS
#include <openssl/ssl.h>
#endif

#define SMALL_BUFFER 4096

#ifdef WITH_TLS
static void begin_tls(struct link *link)
{
    static SSL_CTX *context;
    if (!context) {
        context = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE
                                  | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    }
    link->tls = SSL_new(context);
    SSL_set_fd(link->tls, link->fd);
    SSL_set_connect_state(link->tls);   /* the first send shakes hands */
}

/* What SSL_read or SSL_write returned, as link_receive and link_send say it. */
static ssize_t outcome(struct link *link, int n)
{
    if (n > 0)
        return n;
    int why = SSL_get_error(link->tls, n);
    link->wants_write = why == SSL_ERROR_WANT_WRITE;
    return why == SSL_ERROR_WANT_READ || link->wants_write ? 0 : -1;
}

/* A record is at most 16 KiB: take as many as there are. */
static ssize_t receive_tls(struct link *link, char *to, size_t size)
{
    size_t had = 0;
    while (had < size) {
        ssize_t n = outcome(link, SSL_read(link->tls, to + had, size - had));
        if (n <= 0)
            return had ? (ssize_t)had : n;
        had += n;
    }
    return had;
}
#else
static void begin_tls(struct link *link)
{
    (void)link;
    fputs("this generator was compiled without TLS\n", stderr);
    exit(2);
}
#endif

/* Begin to connect.  False: no port is free, for the moment. */
bool link_open(struct link *link, int port, bool tls, bool small_buffer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1, small = SMALL_BUFFER;
    *link = (struct link){.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)};
    if (link->fd < 0)
        fail("socket");
    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (small_buffer)
        setsockopt(link->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    if (connect(link->fd, (struct sockaddr *)&address, sizeof address) < 0
        && errno != EINPROGRESS) {
        if (errno != EADDRNOTAVAIL)
            fail("connect");
        close(link->fd);
        return false;
    }
    if (tls)
        begin_tls(link);
    return true;
}

/* How many bytes came; 0: none for now; -1: the connection has ended. */
ssize_t link_receive(struct link *link, char *to, size_t size)
{
#ifdef WITH_TLS
    if (link->tls)
        return receive_tls(link, to, size);
#endif
    ssize_t n = recv(link->fd, to, size, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return n > 0 ? n : -1;
}

/* How many bytes were taken; 0: none for now; -1: the connection is broken. */
ssize_t link_send(struct link *link, const char *data, size_t size)
{
#ifdef WITH_TLS
    if (link->tls)
        return outcome(link, SSL_write(link->tls, data, size));
#endif
    ssize_t n = send(link->fd, data, size, MSG_NOSIGNAL);
    link->wants_write = n < 0;
    return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? 0 : -1;
}

/* Whether bytes wait here that epoll knows nothing of. */
bool link_has_more(const struct link *link)
{
#ifdef WITH_TLS
    return link->tls && SSL_pending(link->tls) > 0;
#else
    (void)link;
    return false;
#endif
}

void link_close(struct link *link)
{
#ifdef WITH_TLS
    SSL_free(link->tls);
#endif
    link->tls = NULL;
    close(link->fd);
}
