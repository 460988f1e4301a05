"""页面固定用语（中文）。"""

WORDS: dict[str, str] = {
    "interval": " 至 ",
    "no_interval": "无区间",
    "simulated": "模拟数据",
    "no_data_short": "无数据",
}
