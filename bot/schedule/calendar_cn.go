package schedule

// cnWorkday is the working days of mainland China from 2023 to 2026, as the General Office of the State Council published
// them (国务院办公厅关于部分节假日安排的通知, https://www.gov.cn/zhengce):
//
//	2023  国办发明电〔2022〕16号, 2022-12-08
//	2024  国办发明电〔2023〕7号, 2023-10-25
//	2025  国办发明电〔2024〕12号, 2024-11-12
//	2026  国办发明电〔2025〕7号, 2025-11-04
//
// A year is added when its notice is out, in November as a rule, and never before.
var cnWorkday = NewCalendar("cn-workday",
	"the State Council's notices 国办发明电〔2022〕16号, 〔2023〕7号, 〔2024〕12号, 〔2025〕7号", date("2023-01-01"), date("2026-12-31"), Weekend,

	off("元旦", "2023-01-01", "2023-01-02"),
	off("春节", "2023-01-21", "2023-01-27"), work("2023-01-28"), work("2023-01-29"),
	off("清明节", "2023-04-05", "2023-04-05"),
	off("劳动节", "2023-04-29", "2023-05-03"), work("2023-04-23"), work("2023-05-06"),
	off("端午节", "2023-06-22", "2023-06-24"), work("2023-06-25"),
	off("中秋节、国庆节", "2023-09-29", "2023-10-06"), work("2023-10-07"), work("2023-10-08"),

	off("元旦", "2024-01-01", "2024-01-01"),
	off("春节", "2024-02-10", "2024-02-17"), work("2024-02-04"), work("2024-02-18"),
	off("清明节", "2024-04-04", "2024-04-06"), work("2024-04-07"),
	off("劳动节", "2024-05-01", "2024-05-05"), work("2024-04-28"), work("2024-05-11"),
	off("端午节", "2024-06-10", "2024-06-10"),
	off("中秋节", "2024-09-15", "2024-09-17"), work("2024-09-14"),
	off("国庆节", "2024-10-01", "2024-10-07"), work("2024-09-29"), work("2024-10-12"),

	off("元旦", "2025-01-01", "2025-01-01"),
	off("春节", "2025-01-28", "2025-02-04"), work("2025-01-26"), work("2025-02-08"),
	off("清明节", "2025-04-04", "2025-04-06"),
	off("劳动节", "2025-05-01", "2025-05-05"), work("2025-04-27"),
	off("端午节", "2025-05-31", "2025-06-02"),
	off("国庆节、中秋节", "2025-10-01", "2025-10-08"), work("2025-09-28"), work("2025-10-11"),

	off("元旦", "2026-01-01", "2026-01-03"), work("2026-01-04"),
	off("春节", "2026-02-15", "2026-02-23"), work("2026-02-14"), work("2026-02-28"),
	off("清明节", "2026-04-04", "2026-04-06"),
	off("劳动节", "2026-05-01", "2026-05-05"), work("2026-05-09"),
	off("端午节", "2026-06-19", "2026-06-21"),
	off("中秋节", "2026-09-25", "2026-09-27"),
	off("国庆节", "2026-10-01", "2026-10-07"), work("2026-09-20"), work("2026-10-10"),
)

// date reads a date of this file.
func date(text string) Day {
	d, err := ParseDay(text)
	if err != nil {
		panic(err)
	}
	return d
}

func off(name, first, last string) Days {
	return Days{First: date(first), Last: date(last), Name: name}
}

// work is a weekend day that is worked in exchange for a holiday.
func work(on string) Days {
	return Days{First: date(on), Last: date(on), Work: true, Name: "调休上班"}
}
