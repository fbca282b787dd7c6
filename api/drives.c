/* SPDX-License-Identifier: Apache-2.0 */
/* Drives: which slot of the machine takes which image. */
#include <string.h>

#include "api/machine.h"

/* The slot that the drive names, if a device of the board stands behind it. */
static struct block *find_slot(struct rhea *m, const struct rhea_drive *d)
{
	struct block *b = NULL;
	switch (d->kind) {
	case RHEA_DRIVE_SD:
		b = d->index < MACHINE_SD_SLOTS ? &m->sd[d->index] : NULL;
		break;
	case RHEA_DRIVE_PFLASH:
		b = d->index == 0 ? &m->pflash : NULL;
		break;
	}
	return b && b->dev ? b : NULL;
}

static const char *kind_name(enum rhea_drive_kind kind)
{
	return kind == RHEA_DRIVE_SD ? "SD card slot" : "parallel flash";
}

/* In front of a device's message: which file it is about. */
static enum rhea_status refused(struct block *b, const char *path, struct rhea_error *err)
{
	struct rhea_error why = {.status = RHEA_ERR_IMAGE};
	if (b->inserted(b->dev, &why))
		return RHEA_OK;
	block_close(b);
	return error_set(err, why.status, "%.150s: %.300s", path, why.msg);
}

enum rhea_status rhea_drive_open(struct rhea *m, const struct rhea_drive *d, struct rhea_error *err)
{
	const struct block_config cfg = {d->path, d->read_only, d->snapshot, d->format_raw, d->write_through};
	struct block *b = find_slot(m, d);
	if (!b)
		return error_set(err, RHEA_ERR_USAGE, "%s: machine %s has no %s %u", d->path, m->board->name, kind_name(d->kind),
				 d->index);
	if (block_present(b))
		return error_set(err, RHEA_ERR_USAGE, "%s: %s %u has an image already", d->path, kind_name(d->kind), d->index);
	enum rhea_status st = machine_refuse_with_snapshots(m, "no drive can be opened", err);
	if (!st)
		st = block_open(b, &cfg, err);
	return st ? st : refused(b, d->path, err);
}

void machine_close_drives(struct rhea *m)
{
	for (unsigned i = 0; i < MACHINE_SD_SLOTS; i++)
		block_close(&m->sd[i]);
	block_close(&m->pflash);
}
