"""Chinese messages of the course commands: presenting, exporting, looking after the installation."""

MESSAGES = {
    "present.ready": "幻灯片已写入 {path}，正在启动 JupyterLab……",
    "present.keys": "空格、PgDn 或翻页笔：运行当前单元格，然后继续；← → 切换幻灯片；N 显示备注，W 在单独的窗口里显示备注；Esc 退出放映。",
    "present.no-file": "没有这个 notebook：{path}。",
    "present.no-chapter": "没有章节 {name!r}。现有章节：{known}。请给出编号（如 01）、名称，或 notebook 的路径。",
    "present.notes": "备注",
    "present.notes.title": "显示或隐藏本页备注（按键 N）",
    "present.none": "本页没有备注。",
    "present.next": "下一页：{title}",
    "present.run": "全部运行",
    "present.run.title": "运行所有还没有运行过的单元格",
    "present.window": "备注窗口",
    "present.window.title": "在单独的窗口里显示备注，方便放到另一块屏幕上（按键 W）",
    "present.screen": "第 {at} 页，共 {count} 页",
    "present.running": "正在运行……",
    "present.time": "{minutes} 分钟",
}
