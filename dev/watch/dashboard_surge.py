"""The operator's wall: is this morning like any other, and is everybody answered? Bahasa Indonesia first."""

from __future__ import annotations

from typing import Final

from dev.watch.expressions import COURSE, FIRING, JOB, RANGE, share, usual
from dev.watch.panels import Board, Kind, Look, Panel, Query, Row, Word

__all__ = ["SURGE"]

_PER_MINUTE: Final = "suffix: /menit"
_NEEDS_A_WEEK: Final = "compares with the same weekday of earlier weeks: empty in the first week"
_ARRIVALS: Final = f"sum(rate(hadir_received_total{{{JOB}}}[5m] OFFSET)) * 60"
_REVIEW: Final = share(
    f'sum(rate(hadir_verdicts_total{{{JOB}, outcome="review"}}[15m] OFFSET))',
    f"sum(rate(hadir_verdicts_total{{{JOB}}}[15m] OFFSET))",
)
_OLDEST: Final = f"max(hadir_oldest_undecided_age_seconds{{{JOB}}})"
_LATE: Final = f"max(min_over_time(hadir_oldest_undecided_age_seconds{{{JOB}}}[1m]))"
_IN_TIME: Final = share(
    f'sum(rate(hadir_verdict_latency_seconds_bucket{{{JOB}, le="2.0"}}[15m]))',
    f"sum(rate(hadir_verdict_latency_seconds_count{{{JOB}}}[15m]))",
)
_SLOW_LATELY: Final = f"{_IN_TIME.replace('15m', '5m')} < bool 0.95"
_USUAL: Final = Look("#8e8e8e", dashed=True)


def _now(expr: str) -> str:
    return expr.replace(" OFFSET", "")


_TILES: Final = (
    Panel(
        "Keadaan",
        "Satu pandang. LANCAR: presensi dijawab dalam 2 detik. MELAMBAT: dalam 5 menit terakhir lebih dari 5 % dijawab "
        "setelah 2 detik, atau sudah satu menit selalu ada yang menunggu selama itu. MACET: ada yang menunggu 60 detik "
        "atau lebih: panggil SRE.\n\n"
        "One look. Fine: check-ins are answered within 2 s. Slow: of the last 5 minutes' over 5 % came later, or for a "
        "minute somebody has always been waiting for so long. Stuck: somebody waits for 60 s or more, call the SRE. No "
        "data: no member can be reached.",
        "none",
        (
            Query(
                f"clamp_max(clamp_max(({_LATE} >= bool 2) + ({_SLOW_LATELY} or on() vector(0)), 1) "
                f"+ 2 * ({_OLDEST} >= bool 60), 2) or on() vector(3)"
            ),
        ),
        Kind.STAT,
        6,
        still=True,
        steps=((None, "green"), (1, "orange"), (2, "red")),
        words={
            0: Word("LANCAR", "green"),
            1: Word("MELAMBAT", "orange"),
            2: Word("MACET", "red"),
            3: Word("TIDAK ADA DATA", "red"),
        },
        runbook="HadirPipelineStalled",
    ),
    Panel(
        "Presensi masuk",
        "Presensi yang diterima per menit, rata-rata 2 menit terakhir.\n\n"
        "Check-ins received a minute, mean of the last 2 minutes.",
        _PER_MINUTE,
        (Query(f"sum(rate(hadir_received_total{{{JOB}}}[2m])) * 60"),),
        Kind.STAT,
        6,
        steps=((None, "blue"),),
        decimals=0,
    ),
    Panel(
        "Dijawab dalam 2 detik",
        "Bagian presensi yang diputus dalam 2 detik, 15 menit terakhir. Sasaran: 99 %. Kosong bila tidak ada "
        "presensi.\n\nShare decided within 2 s of receipt, last 15 minutes; the objective is 99 %. Empty without "
        "check-ins.",
        "percentunit",
        (Query(_IN_TIME),),
        Kind.STAT,
        6,
        steps=((None, "red"), (0.95, "orange"), (0.99, "green")),
        nothing="–",
        most=1,
        decimals=1,
        runbook="HadirVerdictLatencyBudgetBurn",
    ),
    Panel(
        "Tertua belum diputus",
        "Berapa lama presensi tertua sudah menunggu, di tangan maupun masih di log. 0: tidak ada yang menunggu.\n\n"
        "How long the oldest check-in has waited, in hand or still in the log. 0: nobody waits.",
        "s",
        (Query(_OLDEST),),
        Kind.STAT,
        6,
        steps=((None, "green"), (2, "orange"), (60, "red")),
        decimals=1,
        runbook="HadirPipelineStalled",
    ),
    Panel(
        "Dibanding biasanya",
        "Presensi masuk 5 menit terakhir dibanding saat yang sama pada hari yang sama, rata-rata 4 minggu terakhir. "
        "Jauh di bawah 100 %: jaringan, ponsel, atau hari libur? Kosong malam hari dan pada minggu pertama.\n\n"
        "Arrivals of the last 5 minutes over those of the same moment and weekday, mean of up to four weeks. Far below "
        "100 %: network, phones or a holiday? Empty at night (under one a minute) and in the first week.",
        "percentunit",
        (Query(f"{_now(_ARRIVALS)} / ({usual(_ARRIVALS)} > 1)", quiet=_NEEDS_A_WEEK),),
        Kind.STAT,
        6,
        still=True,
        steps=((None, "red"), (0.2, "orange"), (0.5, "green")),
        nothing="belum ada pembanding",
        decimals=0,
    ),
    Panel(
        "Perlu diperiksa petugas",
        "Bagian putusan yang menunggu pemeriksaan petugas, 15 menit terakhir. Batas warna adalah anggapan awal: "
        "sesuaikan dengan jumlah petugas.\n\n"
        "Share of verdicts that wait for an officer, last 15 minutes. Where the colours change is assumed: what "
        "matters is how many cases your officers can look at.",
        "percentunit",
        (Query(_now(_REVIEW)),),
        Kind.STAT,
        6,
        steps=((None, "green"), (0.1, "orange"), (0.25, "red")),
        nothing="–",
        decimals=1,
    ),
    Panel(
        "Sudah diputus",
        "Putusan dalam rentang waktu layar ini.\n\nVerdicts within the time range that is shown.",
        "locale",
        (Query(f"sum(increase(hadir_verdicts_total{{{JOB}}}[{RANGE}]))"),),
        Kind.STAT,
        6,
        still=True,
        steps=((None, "blue"),),
        decimals=0,
    ),
    Panel(
        "Peringatan menyala",
        "Berapa peringatan Hadir sedang menyala. Daftarnya di bawah.\n\nAlerts of Hadir that fire now; the list is "
        "below.",
        "none",
        (Query(f"count({FIRING}) or on() vector(0)"),),
        Kind.STAT,
        6,
        steps=((None, "green"), (0.5, "red")),
        decimals=0,
    ),
)

_CURVES: Final = (
    Panel(
        "Presensi masuk: hari ini dan biasanya",
        "Presensi masuk per menit (rata-rata 5 menit); garis putus-putus: saat dan hari yang sama, rata-rata 4 minggu "
        "terakhir. Lengkung yang datang terlambat adalah jaringan, lengkung yang hilang adalah gangguan.\n\n"
        "Arrivals a minute (mean of 5 minutes) and, dashed, the same moment and weekday, mean of up to four weeks. A "
        "curve that comes late is the network, one that is missing is an outage.",
        _PER_MINUTE,
        (
            Query(_now(_ARRIVALS), "hari ini"),
            Query(usual(_ARRIVALS), "biasanya", quiet=_NEEDS_A_WEEK),
        ),
        width=16,
        looks={"hari ini": Look("blue"), "biasanya": _USUAL},
    ),
    Panel(
        "Mengapa diperiksa atau ditolak",
        "Alasan terbanyak 15 menit terakhir. Banyak outside_site: periksa titik lokasi dan GPS. Banyak clock_skew: "
        "jam ponsel. Banyak no_face atau too_dark: beri tahu pegawai cara memotret.\n\n"
        "The commonest reasons of the last 15 minutes. Many outside_site: look at the sites' coordinates and at GPS. "
        "Many clock_skew: phones' clocks. Many no_face or too_dark: tell people how to take the photo.",
        "locale",
        (
            Query(
                "sort_desc(topk(8, sum by (reason) "
                f'(increase(hadir_verdict_reasons_total{{{JOB}, outcome!="accepted"}}[15m])) > 0))',
                "{{reason}}",
            ),
        ),
        Kind.BARS,
        8,
        steps=((None, "orange"),),
        nothing="tidak ada",
        decimals=0,
    ),
)

_COURSES: Final = (
    Panel(
        "Putusan per menit",
        "Diterima, diperiksa, dan ditolak, ditumpuk.\n\nAccepted, in review and rejected, on top of each other.",
        _PER_MINUTE,
        (Query(f"sum by (outcome) (rate(hadir_verdicts_total{{{JOB}}}[{COURSE}])) * 60", "{{outcome}}"),),
        stacked=True,
        looks={
            "accepted": Look("green", "diterima"),
            "review": Look("yellow", "diperiksa"),
            "rejected": Look("red", "ditolak"),
        },
    ),
    Panel(
        "Tertua yang belum diputus",
        "Harus tetap di bawah 2 detik (jingga); 60 detik (merah) adalah macet.\n\n"
        "Must stay below 2 s (orange); 60 s (red) is stuck. The largest of all members.",
        "s",
        (Query(_OLDEST, "tertua"),),
        steps=((None, "green"), (2, "orange"), (60, "red")),
        marks=True,
        looks={"tertua": Look("purple")},
        runbook="HadirPipelineStalled",
    ),
    Panel(
        "Bagian yang perlu diperiksa",
        "Bagian putusan yang menunggu petugas, dan biasanya. Naik tiba-tiba: lihat alasannya di atas.\n\n"
        "Share of verdicts in review, and the usual one, dashed. A sudden rise: look at the reasons above.",
        "percentunit",
        (
            Query(_now(_REVIEW), "hari ini"),
            Query(usual(_REVIEW), "biasanya", quiet=_NEEDS_A_WEEK),
        ),
        looks={"hari ini": Look("yellow"), "biasanya": _USUAL},
        runbook="HadirMatchRateShift",
    ),
    Panel(
        "Saluran",
        "Putusan per menit menurut saluran: wajah, sidik jari, kertas. Saluran yang hilang: pembaca atau gerbangnya "
        "mati.\n\nVerdicts a minute by channel: face, fingerprint, paper. One that vanishes: its readers or their "
        "gateway.",
        _PER_MINUTE,
        (Query(f"sum by (channel) (rate(hadir_verdicts_total{{{JOB}}}[5m])) * 60", "{{channel}}"),),
        looks={
            "face": Look("blue", "wajah"),
            "fingerprint": Look("green", "sidik jari"),
            "paper": Look("purple", "kertas"),
        },
    ),
    Panel(
        "Peringatan yang menyala",
        "Klik nama peringatan untuk petunjuk penanganannya.\n\n"
        "Alerts that fire now. A click on the name opens the page that says what to do.",
        "none",
        (
            Query(
                f"count by (alertname, severity) ({FIRING})",
                quiet="no alert fires on a good day",
            ),
        ),
        Kind.TABLE,
        16,
        nothing="tidak ada peringatan",
        columns={"alertname": "Peringatan", "severity": "Tingkat"},
        linked="alertname",
    ),
)

SURGE: Final = Board(
    "surge",
    "hadir-surge",
    "Hadir: Presensi pagi · Surge",
    "Untuk dinding ruang kendali: apakah pagi ini seperti biasanya, dan apakah semua presensi dijawab? "
    "For the operator's wall: is this morning like any other, and is everybody answered?",
    "now-1h",
    "10s",
    (Row("", 4, _TILES), Row("", 9, _CURVES), Row("", 8, _COURSES)),
    per_instance=False,
)
