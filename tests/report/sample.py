"""A small executed notebook that shows one of everything, in both languages, with hostile names.

Loaded by path (``runpy``) from the tests of the page and from the browser tests; needs no kernel.
"""

# ruff: noqa: E501
from __future__ import annotations

from functools import cache
from typing import Any

import nbformat
import numpy as np
import pandas as pd

from evaluation.report import figures
from evaluation.report.display import Answer, Prose, Record, Table
from evaluation.report.ledger import Ledger, Line, Part, Row

HOSTILE = "<script>alert(1)</script>"
FORMULA_CELL = "=cmd|'/C calc'!A0"
LONG_WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
EN = [
    "Jinan",
    "Qingdao",
    "Zibo",
    "Zaozhuang",
    "Dongying",
    "Yantai",
    "Weifang",
    "Jining",
    "Tai'an",
    "Weihai",
    "Rizhao",
    "Laiwu",
    "Linyi",
    "Dezhou",
    "Liaocheng",
    "Binzhou",
    "Heze",
]
ZH = [
    "济南",
    "青岛",
    "淄博",
    "枣庄",
    "东营",
    "烟台",
    "潍坊",
    "济宁",
    "泰安",
    "威海",
    "日照",
    "莱芜",
    "临沂",
    "德州",
    "聊城",
    "滨州",
    "菏泽",
]
PROVENANCE = {
    "command": "evaluation run sample",
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "generated": "2017-07-25T08:30:00Z",
    "seed": 20170725,
    "versions": {"python": "3.11.7", "numpy": "2.4.0", "pandas": "3.1.0"},
    "data": [
        {"name": "air_quality/city_month", "sha256": "a" * 64, "simulated": False},
        {"name": f"made/{HOSTILE}", "sha256": "b" * 64, "simulated": True},
    ],
    "overrides": {"treatment.date": "2016-03"},
    "history": {
        "name": "sample",
        "since": "2017-07-20T08:30:00Z",
        "before": "2017-07-19T08:30:00Z",
        "moved": {
            "moved": [
                {
                    "part": "claim",
                    "name": HOSTILE,
                    "before": {"reproduced": "close", "attributable": "not_testable", "value": 67},
                    "after": {"reproduced": "reproduced", "attributable": "not_testable", "value": 63},
                },
                {
                    "part": "estimate",
                    "name": "good_days, two-by-two, level, province, and a name that is long enough to be broken",
                    "before": {"estimate": 16.125, "ci_low": -43.0, "ci_high": 73.0, "p_value": 0.5},
                    "after": {"estimate": 20.5, "ci_low": -40.0, "ci_high": 77.0, "p_value": 0.4},
                },
                {"part": "estimate", "name": "new", "before": None, "after": {"estimate": 1.0}},
                {
                    "part": "diagnostic",
                    "name": "pre-trends",
                    "before": {"verdict": "not_informative", "statistic": 1.0, "p_value": None},
                    "after": {"verdict": "evidence_against", "statistic": 2.0, "p_value": 0.03},
                },
                {
                    "part": "data",
                    "name": "air_quality/city_month",
                    "before": {"sha256": "a" * 64, "rows": 6300, "simulated": False},
                    "after": {"sha256": "c" * 64, "rows": 6412, "simulated": False},
                },
                {"part": "version", "name": "numpy", "before": "2.4.0", "after": "2.5.0"},
                {"part": "answer", "name": "answer", "before": {"en": "A"}, "after": {"en": "B"}},
                {"part": "other", "name": "years[0].values.2016", "before": 186, "after": None},
                {"part": "other", "name": LONG_WORD, "before": 186, "after": 187},
            ],
            "changed_inputs": [
                {"what": "data", "before": "", "after": ""},
                {"what": "code", "before": "a" * 40, "after": "b" * 40 + "-dirty"},
            ],
        },
    },
}


def pick(language: str, en: str, zh: str) -> str:
    return zh if language == "zh" else en


@cache
def drawings(language: str, *, simulated: bool = False) -> list[Any]:
    """Every kind of figure."""
    draws = np.random.default_rng(7)
    names = ZH if language == "zh" else EN
    zibo = names[2]
    start = draws.integers(90, 230, 17)
    years = pd.DataFrame(
        {n: [b, b + 17, b + 51] for n, b in zip(names, start, strict=True)}, index=[2014, 2015, 2016]
    )
    years = years.astype(float) + draws.integers(-9, 9, (3, 17))
    years[zibo] = [119.0, 136.0, 186.0]
    months = pd.period_range("2013-12", "2017-01", freq="M")
    season = 60 + 30 * np.cos(np.arange(38) / 12 * 2 * np.pi)
    sulphur = pd.DataFrame(
        {n: season + draws.normal(0, 7, 38) - 0.5 * np.arange(38) for n in names}, index=months
    )
    sulphur[zibo] += 30
    events = pd.DataFrame({"event_time": range(-14, 11), "estimate": draws.normal(0, 2, 25)})
    events["ci_low"], events["ci_high"] = events["estimate"] - 4, events["estimate"] + 4
    events["placebo_low"], events["placebo_high"] = -5.2, 5.1
    events.loc[13, ["estimate", "ci_low", "ci_high"]] = [0, np.nan, np.nan]
    rows = [
        (
            pick(language, "Recomputed index", "重算指数"),
            pick(language, "Two-way fixed effects", "双向固定效应"),
            0.3,
            2.1,
        ),
        (pick(language, "Recomputed index", "重算指数"), pick(language, "Imputation", "插补法"), -0.4, 1.8),
        (
            pick(language, "Published index", "公布指数"),
            pick(language, "Two-way fixed effects", "双向固定效应"),
            1.6,
            2.4,
        ),
        (
            pick(language, "Published index", "公布指数"),
            pick(language, "Group-time ATT", "组别—时间效应"),
            1.9,
            np.nan,
        ),
    ]
    lines = pd.DataFrame(
        [{"group": g, "label": n, "estimate": e, "ci_low": e - w, "ci_high": e + w} for g, n, e, w in rows]
    )
    gains = pd.Series(draws.normal(0, 15, 17), index=names)
    gains[zibo] = 16.1
    nation = pd.Series(draws.normal(0, 25, 187), index=[f"c{i}" for i in range(187)])
    nation["c0"] = 16.1
    common: dict[str, Any] = {
        "language": language,
        "simulated": simulated,
        "source": pick(
            language,
            "Source: national monitoring network, daily records; own computation",
            "资料来源：全国环境监测网逐日数据；本项目计算",
        ),
    }
    days = pick(language, "Good days a year (AQI ≤ 100)", "每年优良天数（AQI ≤ 100）")
    less = pick(
        language,
        "Gain in good days less the mean gain of the others",
        "优良天数增幅减去其他城市平均增幅（天）",
    )
    return [
        figures.three_numbers(
            [
                figures.Number(pick(language, "Claimed by the city", "市政府公布"), 63, role="reference"),
                figures.Number(pick(language, "Found in independent data", "独立数据所见"), 67),
                figures.Number(
                    pick(language, "Gained by 16 other cities", "其余16市平均"), 51, role="comparison"
                ),
                figures.Number(pick(language, "Left after that", "扣除之后"), 16.1, -22, 54),
                figures.Number(pick(language, "Blue-sky days", "蓝天天数"), None),
            ],
            x_label=pick(language, "Change in good days, 2016 less 2014", "2016年比2014年增加的优良天数"),
            title=pick(
                language,
                "Of 67 more good days, 51 came to its neighbours too",
                "增加的67个优良天里，51个别处也有",
            ),
            alt=pick(
                language,
                "Claimed +63, found +67, others +51, left +16 (−22 to 54).",
                "公布+63，所见+67，其他+51，余+16（−22至54）。",
            ),
            name="three",
            **common,
        ),
        figures.series(
            years,
            treated=zibo,
            y_label=days,
            events=[(2015, pick(language, "base year", "基准年"))],
            title=pick(
                language,
                "Zibo gained 67 good days; its neighbours gained 51",
                "淄博优良天数增加67天，其余16市平均增加51天",
            ),
            highlight_mean=pick(language, "16 others, mean", "其余16市平均"),
            alt=pick(language, "Zibo rises from 119 to 186 good days.", "淄博由119天升至186天。"),
            name="years",
            **common,
        ),
        figures.series(
            sulphur,
            treated=zibo,
            y_label=pick(language, "SO₂, monthly mean, µg/m³", "二氧化硫月均浓度，微克/立方米"),
            events=[
                ("2015-01", pick(language, "after the base year", "基准年之后")),
                ("2016-03", pick(language, "campaign", "行动开始")),
            ],
            title=pick(
                language, "Sulphur dioxide fell in Zibo and around it alike", "二氧化硫：淄博在降，周边也在降"
            ),
            highlight_mean=pick(language, "16 others, mean", "其余16市平均"),
            alt=pick(language, "Both fall with the seasons.", "两者同步下降。"),
            name="months",
            **common,
        ),
        figures.event_study(
            events,
            x_label=pick(language, "Months from the start of the campaign", "距行动开始的月数"),
            y_label=pick(language, "Difference in good days a month", "优良天数之差，天/月"),
            bands=pick(language, "where 95% of the placebo cities lie", "安慰剂城市中95%所在范围"),
            policy=pick(language, "campaign starts", "行动开始"),
            title=pick(
                language,
                "Neither before nor after does Zibo leave the range of its placebos",
                "行动前后，淄博都没有越出安慰剂范围",
            ),
            alt=pick(language, "All estimates lie within the band.", "各期估计均在范围之内。"),
            name="event",
            **common,
        ),
        figures.forest(
            lines,
            x_label=pick(
                language, "Change in good days a month, 95% interval", "每月优良天数的变化，95%区间"
            ),
            title=pick(language, "Every interval holds zero", "所有区间都包含零"),
            alt=pick(language, "Four estimates near zero.", "四个估计都接近零。"),
            name="forest",
            **common,
        ),
        figures.placebo(
            gains,
            treated=zibo,
            x_label=less,
            labels={names[0]: names[0], names[7]: names[7]},
            title=pick(
                language,
                "Some of the 17 cities gained as much without the policy",
                "没有这项政策，也有城市增幅相当",
            ),
            alt=pick(language, "Zibo at +16 among 17.", "淄博+16，在17市之中。"),
            name="placebo",
            **common,
        ),
        figures.placebo(
            nation,
            treated="c0",
            x_label=less,
            labels={"c0": zibo},
            title=pick(
                language,
                "Among 187 cities nationwide Zibo is in the upper half",
                "放到全国187个城市中，淄博居前半",
            ),
            alt=pick(language, "Zibo at +16 among 187.", "淄博+16，在187市之中。"),
            name="nation",
            **common,
        ),
    ]


def tables(language: str) -> list[Any]:
    """A table with hostile names and a wide one."""
    place = pick(language, "Place", "地区")
    hostile = pd.DataFrame(
        {
            place: [HOSTILE, FORMULA_CELL, "a & b \"c\" 'd'", LONG_WORD, "@home", "-5"],
            pick(language, "Good days", "优良天数"): [119, 136, 186, 1203, np.nan, -5],
            pick(language, "Change", "变化"): [-0.5, 12.25, 67.0, 1234567.891, np.nan, 3.14159],
        }
    )
    wide = pd.DataFrame(
        {f"{year}": np.linspace(0, year, 5) for year in range(2001, 2017)}, index=["a", "b", "c", "d", "e"]
    )
    wide.index.name = pick(language, "District", "区县")
    return [
        Table(
            hostile,
            caption=pick(language, "Names are shown, never obeyed", "名称只显示，不执行") + f" {HOSTILE}",
            name="hostile",
            notes=[f"{HOSTILE} & co"],
            language=language,
        ),
        Table(
            wide,
            caption=pick(language, "A wide table scrolls in its own box", "宽表在自己的框内滚动"),
            name="wide",
            formats={"2016": ".1f"},
            simulated=True,
            language=language,
        ),
    ]


LEDGER = (
    ("close", "not_distinguishable"),
    ("reproduced", "not_testable"),
    ("no_data", "not_testable"),
    ("not_reproduced", "opposite"),
)


def ledger(language: str) -> Ledger:
    """A ledger with every kind of row but one, hostile names among them."""
    question = [
        pick(language, "Do other data give it?", "其他数据能否得到？"),
        pick(language, "More than elsewhere?", "是否超过别处？"),
    ]
    lines = [
        Line(pick(language, "Other data", "其他数据"), [[Part("+67 "), Part(HOSTILE, study="sample")]]),
        Line(LONG_WORD, [[Part("a & b")], [Part("x", href="https://example.org/?a=1&b=2")]]),
    ]
    rows = [
        Row(f"row-{i}", title, "+63", "2016", list(zip(question, LEDGER[i], strict=True)), lines, i == 2)
        for i, title in enumerate([HOSTILE, LONG_WORD, pick(language, "Days", "天数"), "d"])
    ]
    silent = Row("row-silent", pick(language, "Culture cloud", "文化云"), "–", "", (), lines[1:])
    return Ledger(
        [("A & B", rows[:3]), (pick(language, "Others", "其他"), [rows[3], silent])],
        caption=pick(language, "Every figure", "全部数字"),
        name="ledger",
        everything=pick(language, "all", "全部"),
        silent=pick(language, "no figure", "没有数字"),
        legends=(pick(language, "Show only", "筛选"), *question),
        language=language,
        data=pd.DataFrame({"id": ["row-0"], "name": [FORMULA_CELL]}),
    )


def notebook(language: str) -> Any:
    """The executed notebook."""
    answer = Answer(
        pick(
            language,
            "Zibo had 67 more good-air days in 2016 than in 2014, as it says; 51 of them came to its neighbours too, and the "
            "16 left over (−22 to 54) cannot be told from chance.",
            "淄博2016年优良天数确实比2014年多67天；但其中51天周边城市也有，剩下的16天（−22至54天）难以与偶然波动区分。",
        ),
        [
            (pick(language, "Good days, +63 since 2014", "优良天数比2014年增加63天"), "close"),
            (pick(language, "First in the province", "改善幅度全省第一"), "not_reproduced"),
            (pick(language, "Blue-sky days", "蓝天天数"), "no_data"),
            (pick(language, "More than neighbours gained", "超过周边城市"), "not_distinguishable"),
        ],
        pick(language, "“Not distinguishable” does not mean “no effect”.", "“分不出高下”不等于“没有效果”。"),
        language,
    )
    cells = [
        code("study = 'sample'\noverrides = {}\nlanguage = 'en'", tags=["parameters"]),
        code("import evaluation  # set up\nprint('never shown')", stream("never shown"), tags=["hide"]),
        markdown("# The notebook's own title\n", tags=["en", "zh"]),
        code("answer", shown(answer)),
        markdown(
            "## What happened\n\nPlain words, *stressed*, **strong**, `code` and [a link](https://example.org/).",
            tags=["en"],
        ),
        markdown(
            "## 发生了什么\n\n普通文字、*着重*、**加粗**、`code`，以及“引号”——破折号。" + "环境监测" * 40,
            tags=["zh"],
        ),
        *[
            code(f"figures.{drawing.name}(...)  # comment\nx = 1.5 + len('text')", shown(drawing))
            for drawing in drawings(language)
        ],
        markdown("### Simulated\n\nEvery figure says so.", tags=["en"]),
        markdown("### 模拟数据\n\n每张图都有标注。", tags=["zh"]),
        code("simulated", shown(drawings(language, simulated=True)[1])),
        markdown(
            "## Tables\n\n| a | b |\n|---|--:|\n| <b>x</b> | 1 |\n\n"
            + LONG_WORD
            + "\n\n<script>alert(2)</script>\n\n"
            "```python\ndef f(x: int) -> str:\n    return 'y'\n```"
        ),
        *[code("table", shown(table)) for table in tables(language)],
        code("ledger", shown(ledger(language))),
        markdown(
            "## Formulas\n\nInline $\\hat\\tau = \\bar y_1 - \\bar y_0 < 3$ and shown\n\n$$Y_{it} = \\alpha_i + \\lambda_t + "
            "\\sum_{k \\neq -1} \\beta_k \\mathbf{1}\\{t - g_i = k\\} + \\varepsilon_{it}, \\qquad \\sqrt{\\frac{a}{b}}$$\n"
        ),
        code(
            "prose",
            shown(
                Prose(
                    f"## {pick(language, 'Threats', '可能的偏差')}\n\n- {HOSTILE} [x](javascript:alert(3))\n- two"
                )
            ),
        ),
        code("record", shown(Record({"choice": HOSTILE, "window": "2014–2016"}, "Fixed beforehand"))),
        code(
            "frame",
            output(
                {
                    "text/plain": "   a  b\n0  1  2" + " wide" * 60,
                    "text/html": "<table><tr><td>1</td></tr></table>",
                }
            ),
        ),
        code("print('\\x1b[31mred\\x1b[0m')", stream("\x1b[31mred\x1b[0m & <b>plain</b>\n")),
        code(
            "result",
            output({"application/vnd.evaluation.result+json": {"study": "sample"}, "text/plain": "result"}),
        ),
    ]
    return nbformat.v4.new_notebook(cells=cells)


def markdown(text: str, tags: list[str] | None = None) -> Any:
    return nbformat.v4.new_markdown_cell(text, metadata={"tags": tags or []})


def code(source: str, *outputs: Any, tags: list[str] | None = None) -> Any:
    return nbformat.v4.new_code_cell(source, outputs=list(outputs), metadata={"tags": tags or []})


def shown(thing: Any) -> Any:
    data, metadata = thing._repr_mimebundle_()
    return nbformat.v4.new_output("display_data", data=data, metadata=metadata)


def output(data: dict[str, Any], metadata: dict[str, Any] | None = None) -> Any:
    return nbformat.v4.new_output("display_data", data=data, metadata=metadata or {})


def stream(text: str, name: str = "stdout") -> Any:
    return nbformat.v4.new_output("stream", name=name, text=text)


def index_entries() -> list[dict[str, Any]]:
    """What the pipeline hands to the index."""

    def claim(reproduced: str, attributable: str) -> dict[str, Any]:
        return {"id": "x", "reproduced": {"verdict": reproduced}, "attributable": {"verdict": attributable}}

    result = {
        "study": "sample",
        "title": {
            "en": "Was Zibo's cleaner air more than its neighbours had?",
            "zh": "淄博空气改善，是否超过了邻近城市？",
        },
        "question": {
            "en": f"Is 63 days more than others gained? {HOSTILE}",
            "zh": "多出的63天，别处有没有？",
        },
        "answer": {
            "en": "51 of the 67 days came to its neighbours too.",
            "zh": "67天里有51天，周边城市也有。",
        },
        "claims": [
            claim("close", "not_distinguishable"),
            claim("not_reproduced", "not_testable"),
            claim("close", "opposite"),
        ],
        "generated": "2017-07-25T08:30:00Z",
        "data": [{"name": "x", "sha256": "0", "simulated": False}],
        "overrides": {},
    }
    varied = {**result, "study": "other", "overrides": {"treatment.date": "2016-03"}}
    return [
        {
            "result": result,
            "pages": {"en": "en/sample.html", "zh": "zh/sample.html"},
            "failure": None,
            "variant": None,
        },
        {
            "result": varied,
            "pages": {"en": "en/other.html"},
            "failure": "failures/other.html",
            "variant": "other-1",
        },
    ]
