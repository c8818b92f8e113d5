"""What processes share at the start: keys that no earlier processes of the same launch have left."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from uuid import uuid4

from frame import UserError

if TYPE_CHECKING:
    from datetime import timedelta

    from torch._C._distributed_c10d import Store


def stores(rank: int, world_size: int, timeout: timedelta) -> tuple[Store, Store]:
    """Two connections to the launcher's store, one for the group and one for the watch, with keys of their own.

    That store outlives restarts, after which the addresses of the dead would be found in it, and the runs of a process,
    of which there may be several. Nor do the agents of several machines count restarts alike.

    Raises
    ------
    UserError
        If some processes did not come in time.
    """
    from torch._C._distributed_c10d import PrefixStore  # no earlier: a torch may be built without it
    from torch.distributed.rendezvous import rendezvous

    one, other = (next(rendezvous("env://", rank, world_size, timeout=timeout))[0] for _ in range(2))
    name = _name(one, rank, world_size, timeout)
    return PrefixStore(f"frame/{name}/group", one), PrefixStore(f"frame/{name}/watch", other)


def _name(store: Store, rank: int, world_size: int, timeout: timedelta) -> str:
    """The first process's own name for this meeting, which it tells each that asks, until all have heard it."""
    own = uuid4().hex
    if rank > 0:
        store.set(f"frame/asks/{rank}", own)
        store.wait([f"frame/answer/{own}"], 2 * timeout)  # the first one knows best who is missing
        name = store.get(f"frame/answer/{own}").decode()
        store.set(f"frame/heard/{name}/{rank}", "")
        return name
    waiting, answered, deadline = set(range(1, world_size)), set(), time.monotonic() + timeout.total_seconds()
    while waiting := {each for each in waiting if not store.check([f"frame/heard/{own}/{each}"])}:
        for each in waiting:
            if store.check([f"frame/asks/{each}"]):
                asking = store.get(f"frame/asks/{each}").decode()  # maybe of one that is dead, until the next one asks
                if asking not in answered:
                    store.set(f"frame/answer/{asking}", own)
                    answered.add(asking)
        if time.monotonic() > deadline:
            missing = ", ".join(map(str, sorted(waiting)))
            raise UserError(
                f"strategy: rank {missing} of {world_size} did not come within {timeout.total_seconds():g} s"
            )
        time.sleep(0.01)
    return own
