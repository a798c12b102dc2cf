// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * powercut-disk - a disk with a volatile write cache, which a power cut empties
 *
 *	powercut-disk IMAGE SOCKET FLUSH_MS SEED
 *
 * Serves IMAGE to one QEMU (NBD, fixed newstyle, on a UNIX socket: "ready" on stdout says that it
 * listens). What the machine writes is at risk until it flushes, and a flush takes FLUSH_MS, as
 * it does on a hard disk. If QEMU is killed, that is the power cut: of the sectors that were not
 * flushed some reach the disk and some do not, as SEED decides, in whatever order they were
 * written. In every third cut all are lost, in every third each by itself with the chance of one
 * half, in every third none (that is what killing a program does, not what a power cut does).
 * If the machine ends in order, nothing is lost. One line at the end says what happened.
 *
 * The protocol: https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SECTOR	     512
#define MAX_REQUEST  (32u << 20)	   /* what QEMU sends at most */
#define OPT_MAGIC    0x49484156454f5054ULL /* "IHAVEOPT" */
#define REPLY_MAGIC  0x0003e889045565a9ULL
#define REQUEST	     0x25609513u
#define SIMPLE_REPLY 0x67446698u

enum { OPT_ABORT = 2, OPT_GO = 7 };
enum { REP_ACK = 1, REP_INFO = 3 };
#define REP_UNSUPPORTED 0x80000001u
enum { CMD_READ, CMD_WRITE, CMD_DISCONNECT, CMD_FLUSH };
enum { HAS_FLAGS = 1, SEND_FLUSH = 4 };

struct disk {
	unsigned char *data; /* as the machine sees it */
	uint64_t size;
	unsigned char **durable; /* by sector: what the medium holds, where that differs; or NULL */
	uint64_t *at_risk;	 /* those sectors */
	size_t risk_count;
	unsigned writes, flushes;
	int flush_ms;
};

struct option {
	uint64_t magic;
	uint32_t kind, len;
} __attribute__((packed));

struct option_reply {
	uint64_t magic;
	uint32_t option, kind, len;
} __attribute__((packed));

struct export_info {
	struct option_reply reply;
	uint16_t kind;
	uint64_t size;
	uint16_t flags;
} __attribute__((packed));

struct request {
	uint32_t magic;
	uint16_t flags, kind;
	uint64_t handle, offset;
	uint32_t len;
} __attribute__((packed));

struct simple_reply {
	uint32_t magic, error;
	uint64_t handle;
} __attribute__((packed));

static void die(const char *what)
{
	fprintf(stderr, "powercut-disk: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the medium and its cache ---- */

static void open_disk(struct disk *d, const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		die(path);
	d->size = (uint64_t)st.st_size;
	d->data = mmap(NULL, d->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	d->durable = calloc(d->size / SECTOR, sizeof(*d->durable));
	d->at_risk = calloc(d->size / SECTOR, sizeof(*d->at_risk));
	if (d->data == MAP_FAILED || !d->durable || !d->at_risk)
		die("memory");
	close(fd);
}

/* Before the first write since the last flush: from here on the medium lags behind. */
static void put_at_risk(struct disk *d, uint64_t sector)
{
	if (d->durable[sector])
		return;
	d->durable[sector] = malloc(SECTOR);
	if (!d->durable[sector])
		die("memory");
	memcpy(d->durable[sector], d->data + sector * SECTOR, SECTOR);
	d->at_risk[d->risk_count++] = sector;
}

static void flush(struct disk *d)
{
	for (size_t i = 0; i < d->risk_count; i++) {
		free(d->durable[d->at_risk[i]]);
		d->durable[d->at_risk[i]] = NULL;
	}
	d->risk_count = 0;
	d->flushes++;
}

static size_t cut_power(struct disk *d, unsigned seed)
{
	unsigned kind;
	size_t lost = 0;

	srandom(seed);
	kind = (unsigned)random() % 3;
	for (size_t i = 0; i < d->risk_count; i++) {
		uint64_t sector = d->at_risk[i];

		if (kind == 2 || (kind == 1 && random() % 2))
			continue;
		lost += memcmp(d->data + sector * SECTOR, d->durable[sector], SECTOR) != 0;
		memcpy(d->data + sector * SECTOR, d->durable[sector], SECTOR);
	}
	return lost;
}

/* ---- the wire: false is the end of the machine ---- */

static bool receive(int fd, void *to, size_t len)
{
	return !len || recv(fd, to, len, MSG_WAITALL) == (ssize_t)len;
}

static bool transmit(int fd, const void *from, size_t len)
{
	for (const char *at = from; len;) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static bool reply_option(int fd, uint32_t option, uint32_t kind)
{
	struct option_reply reply = { .magic = htobe64(REPLY_MAGIC),
				      .option = htobe32(option),
				      .kind = htobe32(kind) };

	return transmit(fd, &reply, sizeof(reply));
}

static bool tell_size(int fd, const struct disk *d)
{
	struct export_info info = {
		.reply = { .magic = htobe64(REPLY_MAGIC),
			   .option = htobe32(OPT_GO),
			   .kind = htobe32(REP_INFO),
			   .len = htobe32(sizeof(info) - sizeof(info.reply)) },
		.size = htobe64(d->size),
		.flags = htobe16(HAS_FLAGS | SEND_FLUSH),
	};

	return transmit(fd, &info, sizeof(info)) && reply_option(fd, OPT_GO, REP_ACK);
}

static bool negotiate(int fd, const struct disk *d)
{
	static const char greeting[] = "NBDMAGICIHAVEOPT\0\1"; /* and: fixed newstyle */
	char words[4096];
	struct option o;

	if (!transmit(fd, greeting, sizeof(greeting) - 1) || !receive(fd, words, 4))
		return false;
	while (receive(fd, &o, sizeof(o))) {
		uint32_t kind = be32toh(o.kind);

		if (be64toh(o.magic) != OPT_MAGIC || be32toh(o.len) > sizeof(words) ||
		    !receive(fd, words, be32toh(o.len)) || kind == OPT_ABORT)
			return false;
		if (kind == OPT_GO)
			return tell_size(fd, d);
		if (!reply_option(fd, kind, REP_UNSUPPORTED))
			return false;
	}
	return false;
}

static bool do_write(int fd, struct disk *d, uint64_t offset, uint32_t len)
{
	static unsigned char words[MAX_REQUEST];

	/* Received whole before any of it counts: the cut may come in the middle of a request. */
	if (!receive(fd, words, len))
		return false;
	for (uint64_t at = offset / SECTOR; at * SECTOR < offset + len; at++)
		put_at_risk(d, at);
	memcpy(d->data + offset, words, len);
	d->writes++;
	return true;
}

/* Takes its time; a cut before its end is a flush that did not happen. */
static bool do_flush(int fd, struct disk *d)
{
	struct pollfd gone = { .fd = fd, .events = POLLRDHUP };

	if (d->risk_count && poll(&gone, 1, d->flush_ms) > 0)
		return false;
	flush(d);
	return true;
}

static bool serve_request(int fd, struct disk *d, const struct request *q)
{
	struct simple_reply reply = { .magic = htobe32(SIMPLE_REPLY), .handle = q->handle };
	uint64_t offset = be64toh(q->offset);
	uint32_t len = be32toh(q->len);
	uint16_t kind = be16toh(q->kind);

	if (len > MAX_REQUEST || offset > d->size || len > d->size - offset)
		return false;
	if (kind == CMD_WRITE && !do_write(fd, d, offset, len))
		return false;
	if (kind == CMD_FLUSH && !do_flush(fd, d))
		return false;
	if (kind > CMD_FLUSH)
		reply.error = htobe32(EINVAL);
	return transmit(fd, &reply, sizeof(reply)) &&
	       (kind != CMD_READ || transmit(fd, d->data + offset, len));
}

/* True: the machine ended in order. */
static bool serve(int fd, struct disk *d)
{
	struct request q;

	while (receive(fd, &q, sizeof(q)) && be32toh(q.magic) == REQUEST) {
		if (be16toh(q.kind) == CMD_DISCONNECT)
			return true;
		if (!serve_request(fd, d, &q))
			break;
	}
	return false;
}

static int wait_for_machine(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 1) < 0)
		die(path);
	puts("ready");
	fflush(stdout);
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		die("accept");
	close(listener);
	return fd;
}

int main(int argc, char **argv)
{
	struct disk disk = { 0 };
	bool in_order = false;
	size_t lost = 0;
	int fd;

	if (argc != 5) {
		fputs("usage: powercut-disk IMAGE SOCKET FLUSH_MS SEED\n", stderr);
		return 2;
	}
	open_disk(&disk, argv[1]);
	disk.flush_ms = atoi(argv[3]);
	fd = wait_for_machine(argv[2]);
	if (negotiate(fd, &disk))
		in_order = serve(fd, &disk);
	if (!in_order)
		lost = cut_power(&disk, (unsigned)strtoul(argv[4], NULL, 10));
	printf("%s writes=%u flushes=%u at_risk=%zu lost=%zu\n", in_order ? "end" : "cut",
	       disk.writes, disk.flushes, disk.risk_count, lost);
	return 0;
}
