# SPDX-License-Identifier: GPL-2.0
"""
What Documentation/state-stream.rst says of the values in a stream: reserved fields
and counts, which every reader checks, and the values of control records, which a
device checks. Left out is what only the device at hand can know: its own CAP, VS,
configuration space and features, and how large a namespace its type allows.
"""

import struct

PCI_CONFIG, IRQ, NVME_REGS, NVME_ADMIN, NVME_QUEUES, NVME_FEATURES, NVME_AER, NVME_LOGS = \
    range(3, 11)
MSIX_ENTRY = struct.Struct("<QII")
SQ = struct.Struct("<QHHHHHH4s")
CQ = struct.Struct("<QHHHHI4s")
FEATURE = struct.Struct("<B3sIQ")
ERROR = struct.Struct("<QHHHHQII")
# type: first and last byte of each field called reserved
RESERVED = {
    1: ((20, 24), (60, 64)), PCI_CONFIG: ((53, 60), (70, 72), (84, 96), (156, 256)),
    IRQ: ((1, 2), (4, 8)), NVME_REGS: ((28, 32),), NVME_ADMIN: ((30, 32),),
    NVME_QUEUES: ((3, 16), (54, 56)), NVME_FEATURES: ((4, 8),), NVME_LOGS: ((68, 72),),
    32: ((4, 8),), 33: ((4, 8),),
}


class Refusal(Exception):
    """Where a stream breaks which rule."""

    def __init__(self, error, where, rule):
        super().__init__(f"{where}: {rule} ({error})")
        self.error = error


def require(holds, error, where, rule):
    """Refuse unless the rule holds."""
    if not holds:
        raise Refusal(error, where, rule)


def queues(body):
    """The submission and the completion queues of NVME_QUEUES."""
    nr_sqs, nr_cqs = struct.unpack_from("<HH", body, 50)
    middle = 56 + SQ.size * nr_sqs
    return (list(SQ.iter_unpack(body[56:middle])),
            list(CQ.iter_unpack(body[middle:middle + CQ.size * nr_cqs])))


def check_counts(where, kind, body):
    """The counts in a body make its length."""
    expected = len(body)
    if kind == IRQ:
        expected = 16 + MSIX_ENTRY.size * struct.unpack_from("<H", body, 2)[0]
    if kind == NVME_QUEUES:
        expected = 56 + SQ.size * sum(struct.unpack_from("<HH", body, 50))
    if kind == NVME_FEATURES:
        expected = 8 + FEATURE.size * struct.unpack_from("<I", body)[0]
    require(len(body) == expected, "EMSGSIZE", where,
            f"length is {len(body)}, but its counts make {expected}")


def check_reserved(where, kind, body):
    """Fields called reserved are zero."""
    for start, end in RESERVED.get(kind, ()):
        require(not any(body[start:end]), "EINVAL", where,
                f"the reserved bytes {start} to {end - 1} of the body are not zero")


def is_page(*addresses):
    """All are multiples of 4096."""
    return all(i % 4096 == 0 for i in addresses)


def check_identity(where, body):
    """IDENTITY is that of a device of this release."""
    model = struct.unpack_from("<HH", body, 16)
    require(body[:16] == b"nvme".ljust(16, b"\0"), "EXDEV", where, "function is not nvme")
    require(model == (1, 0), "EXDEV", where, "the model is not 1.0")
    require(struct.unpack_from("<4H", body, 32) == (9, 64, 63, 1024), "EXDEV", where,
            "lba_shift, vectors, io_queues or queue_entries are not 9, 64, 63 and 1024")


def check_irq(check, body, _):
    """IRQ."""
    intx, _, vectors = struct.unpack_from("<BBH", body)
    check(intx <= 1, f"intx is {intx}")
    check(vectors == 64, f"vectors is {vectors}, not 64")


def check_regs(check, body, _):
    """NVME_REGS."""
    _, _, _, config, status, aqa, _, asq, acq = struct.unpack("<Q6IQQ", body)
    check(not config & 0xff00000e, "reserved bits of cc are not 0")
    check(not aqa & 0xf000f000, "reserved bits of aqa are not 0")
    check(is_page(asq, acq), "asq or acq is no multiple of 4096")
    check(bool(config & 1) == bool(status & 3), "CC.EN does not agree with CSTS.RDY and CFS")
    check(status >> 2 == (2 if config >> 14 & 3 else 0), "CSTS.SHST does not follow from CC.SHN")


def check_admin(check, body, ready):
    """NVME_ADMIN."""
    sq_base, cq_base, sq_size, sq_head, sq_tail, cq_size, cq_head, cq_tail, phase, enabled = \
        struct.unpack_from("<QQ6HBB", body)
    check(enabled == ready, f"enabled is {enabled}, but CSTS.RDY is {ready}")
    if not ready:
        check(not any(body), "it is not zero although the controller is not ready")
        return
    check(is_page(sq_base, cq_base), "a base is no multiple of 4096")
    check(1 <= sq_size <= 4095 and 1 <= cq_size <= 4095, "a size is not from 1 to 4095")
    check(max(sq_head, sq_tail) <= sq_size and max(cq_head, cq_tail) <= cq_size,
          "a head or a tail is past the end of its queue")
    check(phase <= 1, f"cq_phase is {phase}")


def check_queues(check, body, ready):
    """NVME_QUEUES."""
    version, attributes = struct.unpack_from("<HB", body)
    size, size_high, vendor, vendor_high, nvme_version = struct.unpack_from("<4QH", body, 16)
    sqs, cqs = queues(body)
    check(not version and not nvme_version, "a version is not 0")
    check(attributes == 1, f"attributes is {attributes}, not 1")
    check(not vendor and not vendor_high, "there is vendor specific data")
    check(size == 2 + 6 * (len(sqs) + len(cqs)) and not size_high,
          "nvme_size does not follow from the counts")
    check(ready or not sqs and not cqs, "there are queues although the controller is not ready")
    check_queue_ids(check, [i[2] for i in sqs])
    check_queue_ids(check, [i[2] for i in cqs])
    for prp1, size, qid, cqid, attributes, head, tail, reserved in sqs:
        check_queue(check, f"submission queue {qid}", prp1, size, max(head, tail), reserved)
        check(attributes & 1 and attributes < 8, f"submission queue {qid} has bad attributes")
        check(cqid in (i[2] for i in cqs), f"submission queue {qid} has no completion queue")
    for prp1, size, qid, head, tail, attributes, reserved in cqs:
        check_queue(check, f"completion queue {qid}", prp1, size, max(head, tail), reserved)
        check(attributes & 1 and not attributes & 0xfff8 and attributes >> 16 <= 63,
              f"completion queue {qid} has bad attributes")


def check_queue_ids(check, ids):
    """Queue identifiers are valid and ascend."""
    check(all(1 <= i <= 63 for i in ids), "a queue identifier is not from 1 to 63")
    check(all(a < b for a, b in zip(ids, ids[1:])), "queue identifiers do not ascend")


def check_queue(check, what, prp1, size, furthest, reserved):
    """What queues of both sorts have in common."""
    check(is_page(prp1), f"the base of {what} is no multiple of 4096")
    check(1 <= size <= 1023, f"the size of {what} is not from 1 to 1023")
    check(furthest <= size, f"head or tail of {what} is past its end")
    check(not any(reserved), f"reserved of {what} is not zero")


def check_features(check, body, _):
    """NVME_FEATURES."""
    entries = list(FEATURE.iter_unpack(body[8:]))
    keys = [(fid, select) for fid, _, select, _ in entries]
    check(all(a < b for a, b in zip(keys, keys[1:])), "features do not ascend")
    check(not any(any(i[1]) for i in entries), "reserved of a feature is not zero")


def check_aer(check, body, ready):
    """NVME_AER."""
    parked, events, _, *rest = struct.unpack("<HHI8H8I", body)
    check(parked <= 8 and events <= 8, "a count is more than 8")
    check(not any(rest[parked:8]) and not any(rest[8 + events:]),
          "entries past a count are not zero")
    check(ready or not any(body), "it is not zero although the controller is not ready")


def check_logs(check, body, _):
    """NVME_LOGS."""
    count, = struct.unpack_from("<Q", body, 56)
    warning, changed = struct.unpack_from("<BB", body, 66)
    check(changed <= 1, f"ns_changed is {changed}")
    check(not warning & ~2, f"critical_warning is {warning:#x}")
    least = count + 1
    for entry in ERROR.iter_unpack(body[72:]):
        check(not entry[7], "reserved of an error log entry is not zero")
        check(entry[0] or not any(entry), "an empty error log entry is not zero")
        check(not entry[0] or entry[0] < least, "error_count of the error log does not descend")
        least = entry[0]


CHECKS = {IRQ: check_irq, NVME_REGS: check_regs, NVME_ADMIN: check_admin,
          NVME_QUEUES: check_queues, NVME_FEATURES: check_features, NVME_AER: check_aer,
          NVME_LOGS: check_logs}


def check_control(records):
    """What a device asks of control records, once all are there."""
    known = {i.type: i for i in records if i.known}
    ready = known[NVME_REGS].body[20] & 1
    for kind, check_one in CHECKS.items():
        record = known[kind]
        check_one(lambda holds, rule, at=record: require(holds, "EINVAL", at, rule),
                  record.body, ready)
