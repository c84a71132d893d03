"""A format of web servers' logs: how it is recognized, and what reads it, whatever its lines come in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from attrs import frozen

from omnivery.errors import ConfigError
from omnivery.readers._carrier import ways_of
from omnivery.readers._client_ip import ForwardedClient, checked_client_ip, trusted_networks
from omnivery.readers._format import Format, ReadOptions, Sample
from omnivery.readers._json import is_laid_out
from omnivery.readers._json_envelope import records_in
from omnivery.readers._log_check import LogCheck
from omnivery.readers._log_column import LogColumnReader, log_cells
from omnivery.readers._log_documents import LogDocumentsReader, objects_of, record_test
from omnivery.readers._loki import has_streams
from omnivery.readers._parts import joiner_for
from omnivery.readers._request import RequestReader
from omnivery.readers._w3c_log import W3CLogReader

Maker: TypeAlias = Callable[[], RequestReader]
"""Makes a reader that takes the peer for the client."""


@frozen(kw_only=True)
class LogFormat:
    """A row of the table."""

    name: str
    make: Maker
    forwarding: Maker | None = None
    """Makes the reader instead if the client is the forwarded one."""
    forwards: bool = True
    """Whether it can tell a forwarded client."""
    peers: bool = True
    """Whether it tells the peer."""
    marked: Callable[[bytes], bool] | None = None
    """Says whether a line marks such a log: at least one of the first lines does."""
    advice: str = "If the log has X-Forwarded-For, say client_ip='forwarded'"
    """What to do about addresses of a proxy."""

    def as_formats(self) -> tuple[Format, Format, Format]:
        """The row as formats that are recognized: a request in each line, in objects of JSON, or in a column of CSV."""
        in_lines = Format(name=self.name, sniff=self._share_of_lines, reader=self.reader)
        in_json = Format(
            name=f"{self.name} in JSON", sniff=self._share_of_objects, reader=self._documents_reader, like=self.name
        )
        in_csv = Format(
            name=f"{self.name} in CSV", sniff=self._share_of_cells, reader=self._column_reader, like=self.name
        )
        return in_lines, in_json, in_csv

    def _share_of_lines(self, sample: Sample, options: ReadOptions) -> float:
        # A caller who names columns means the members of objects, and not a log that one of these carries.
        share = self.share(sample)
        return 0.0 if share and options.columns and _is_object(sample[0]) else share

    def _share_of_objects(self, sample: Sample, options: ReadOptions) -> float:
        if options.columns:
            return 0.0
        is_record = record_test(self.make())
        if not (is_laid_out(sample) or has_streams(tuple(sample)) or records_in(sample[0], is_record)):
            return 0.0
        return self.share(objects_of(sample, is_record))

    def _share_of_cells(self, sample: Sample, options: ReadOptions) -> float:
        if options.columns or isinstance(self.make(), W3CLogReader):
            return 0.0  # a W3C log is no log without its directives
        return self.share(log_cells(sample))

    def _column_reader(self, sample: Sample, options: ReadOptions) -> LogColumnReader:
        return LogColumnReader(log=self.reader(log_cells(sample), options))

    def _documents_reader(self, _sample: Sample, options: ReadOptions) -> LogDocumentsReader:
        self.reader((), options)  # what is wrong with the options is told before anything is read
        return LogDocumentsReader(
            make=lambda objects: self.reader(objects, options), is_record=record_test(self.make())
        )

    def share(self, sample: Sample) -> float:
        """Which share of a sample's lines it reads, carried or not."""
        return max(map(self._share, [sample, *(inside for _, inside in ways_of(sample))]))

    def reader(self, sample: Sample, options: ReadOptions) -> RequestReader:
        """Make the reader of a source that begins with these lines.

        Raises:
            ConfigError: the format does not tell the client that is asked for; or an option is wrong.
        """
        made = self.forwarding() if self.forwarding and options.client_ip == "forwarded" else self.make()
        plain, lines = self._share(sample), sample
        # Where no line can be read, those that were split may be all that there is so far.
        most = plain or -1.0
        for carrier, inside in ways_of(sample):
            within, parts = self._share(inside), joiner_for(carrier.name, sample, self.make().reads)
            if within > most and (within or parts is not None):
                most, made.carrier, made.parts, lines = within, carrier, parts, inside
        made.learn(lines)
        checked_client_ip(options.client_ip)
        if not self.peers and options.client_ip != "forwarded":
            raise ConfigError("format: the pattern has the forwarded client alone: say client_ip='forwarded'")
        networks = trusted_networks(options.trusted_proxies)
        if options.client_ip == "forwarded":
            if not self.forwards:
                raise ConfigError(f"client_ip: the format {self.name} does not have what proxies forward")
            made.forwarded = ForwardedClient(networks)
        elif networks:
            raise ConfigError("trusted_proxies: they are of use with client_ip='forwarded' alone")
        if options.client_ip is None:
            made.check = LogCheck(f"{self.advice}; if they are the clients', say client_ip='peer'.")
        elif made.forwarded is not None:
            made.check = LogCheck("If another proxy stands before yours, name all of them in trusted_proxies.")
        return made

    def _share(self, sample: Sample) -> float:
        if not sample or (self.marked and not any(map(self.marked, sample))):
            return 0.0
        return self.make().count(sample) / len(sample)


def _is_object(line: bytes) -> bool:
    return line.lstrip().startswith(b"{")
