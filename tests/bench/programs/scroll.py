"""Read a whole index by scrolling, with the HTTP client of exfilwatch, and nothing else: `scroll.py URL INDEX`."""

import asyncio
import sys
import time

import httpx
import msgspec


class Hits(msgspec.Struct):
    """Of the documents nothing is decoded."""

    hits: list[msgspec.Raw]


class Page(msgspec.Struct):
    """One answer."""

    scroll: str = msgspec.field(name="_scroll_id")
    hits: Hits


async def scroll(url: str, index: str) -> dict[str, float]:
    """The seconds that it took, those of CPU, and how many documents and bytes came."""
    decode = msgspec.json.Decoder(Page).decode
    documents = size = 0
    begun, used = time.monotonic(), time.process_time()
    async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
        body = {"size": 2_000, "sort": ["_doc"]}
        answer = await client.post(f"/{index}/_search", params={"scroll": "5m"}, json=body)
        while hits := (page := decode(answer.raise_for_status().content)).hits.hits:
            documents += len(hits)
            size += answer.num_bytes_downloaded
            answer = await client.post("/_search/scroll", json={"scroll": "5m", "scroll_id": page.scroll})
        await client.request("DELETE", "/_search/scroll", json={"scroll_id": page.scroll})
    cpu = time.process_time() - used
    return {"seconds": time.monotonic() - begun, "cpu": cpu, "records": documents, "bytes": size}


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(scroll(*sys.argv[1:]))) + b"\n")
