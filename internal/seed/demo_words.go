package seed

// The zones and names that several parts of the demo share.
const (
	riyadh      = "Asia/Riyadh"
	dubai       = "Asia/Dubai"
	london      = "Europe/London"
	partnerName = "Delta Gulf Partners"
	portalName  = "Lina Farouk"
)

// country is where demo accounts are.
type country struct {
	code, currency, locale, zone string
	arabic                       bool
	phones                       []string // E.164 with # for digits, of offices
	mobiles                      []string
	tax                          string // # for digits
	cities                       []city
	places                       []word // that firms are named after
	given, family                []word
}

type city struct {
	name, native, region, street, postal string
	latitude, longitude                  float64
}

// word is a word in Latin and in Arabic script; native is empty where there is none.
type word struct{ latin, native string }

type trade struct {
	word
	industry string
}

var trades = []trade{
	{word{"Logistics", "للخدمات اللوجستية"}, "Logistics"},
	{word{"Foods", "للأغذية"}, "Food and beverages"},
	{word{"Medical", "للمستلزمات الطبية"}, "Health care"},
	{word{"Contracting", "للمقاولات"}, "Construction"},
	{word{"Retail", "للتجزئة"}, "Retail"},
	{word{"Hospitality", "للضيافة"}, "Hotels and restaurants"},
	{word{"Textiles", "للمنسوجات"}, "Textiles"},
	{word{"Energy", "للطاقة"}, "Energy"},
	{word{"Technology", "للتقنية"}, "Information technology"},
	{word{"Printing", "للطباعة"}, "Printing"},
}

var (
	arabGiven = []word{
		{"Ahmed", "أحمد"}, {"Mohammed", "محمد"}, {"Abdulaziz", "عبدالعزيز"}, {"Sultan", "سلطان"}, {"Yasser", "ياسر"}, {"Salem", "سالم"},
		{"Bader", "بدر"}, {"Karim", "كريم"}, {"Fatima", "فاطمة"}, {"Aisha", "عائشة"}, {"Maha", "مها"}, {"Sara", "سارة"}, {"Hind", "هند"},
		{"Amal", "أمل"}, {"Rania", "رانيا"}, {"Salma", "سلمى"},
	}
	gulfFamily = []word{
		{"Al-Ghamdi", "الغامدي"}, {"Al-Zahrani", "الزهراني"}, {"Al-Mutairi", "المطيري"}, {"Al-Dosari", "الدوسري"}, {"Al-Anazi", "العنزي"},
		{"Al-Shamsi", "الشامسي"}, {"Al-Nuaimi", "النعيمي"}, {"Al-Ketbi", "الكتبي"}, {"Al-Rashid", "الراشد"}, {"Al-Saleh", "الصالح"},
	}
	egyptFamily = []word{
		{"Hassan", "حسن"}, {"Ibrahim", "إبراهيم"}, {"Mahmoud", "محمود"}, {"Abdelrahman", "عبدالرحمن"}, {"Soliman", "سليمان"},
		{"Fahmy", "فهمي"}, {"Shaker", "شاكر"}, {"Nassar", "نصار"},
	}
	britishGiven = []word{
		{latin: "Oliver"}, {latin: "George"}, {latin: "Harriet"}, {latin: "Amelia"}, {latin: "Priya"}, {latin: "Kwame"}, {latin: "Isla"}, {latin: "Callum"},
		{latin: "Grace"}, {latin: "Edward"}, {latin: "Rosalind"}, {latin: "Imran"},
	}
	britishFamily = []word{
		{latin: "Thompson"}, {latin: "Patel"}, {latin: "Mensah"}, {latin: "Wright"}, {latin: "O'Connor"}, {latin: "Davies"}, {latin: "Khan"},
		{latin: "Fletcher"}, {latin: "Marsh"}, {latin: "Sinclair"},
	}
	germanGiven = []word{
		{latin: "Lukas"}, {latin: "Jürgen"}, {latin: "Anneliese"}, {latin: "Katharina"}, {latin: "Matthias"}, {latin: "Sabine"}, {latin: "Björn"}, {latin: "Ayşe"},
	}
	germanFamily = []word{
		{latin: "Müller"}, {latin: "Schäfer"}, {latin: "Weiß"}, {latin: "Hoffmann"}, {latin: "Yılmaz"}, {latin: "Krüger"}, {latin: "Lindner"}, {latin: "Brandt"},
	}
)

// countries by code. British and German numbers are of the ranges that are kept free for fiction, where there are such.
var countries = map[string]country{
	"SA": {
		code: "SA", currency: "SAR", locale: "ar-SA", zone: riyadh, arabic: true, tax: "3##########0003",
		phones: []string{"+96611200####", "+96612200####", "+96613800####"}, mobiles: []string{"+96650#######", "+96655#######"},
		cities: []city{
			{"Riyadh", "الرياض", "Riyadh", "King Fahd Road", "12271", 24.7136, 46.6753},
			{"Jeddah", "جدة", "Makkah", "Tahlia Street", "23326", 21.4858, 39.1925},
			{"Dammam", "الدمام", "Eastern Province", "Gulf Road", "32241", 26.4207, 50.0888},
		},
		places: []word{{"Najd", "نجد"}, {"Hijaz", "الحجاز"}, {"Tuwaiq", "طويق"}, {"Rimal", "الرمال"}, {"Nakheel", "النخيل"}, {"Diriyah", "الدرعية"}},
		given:  arabGiven, family: gulfFamily,
	},
	"AE": {
		code: "AE", currency: "AED", locale: "en-AE", zone: dubai, arabic: true, tax: "100#########003",
		phones: []string{"+9714300####", "+9712600####"}, mobiles: []string{"+97150#######", "+97155#######"},
		cities: []city{
			{"Dubai", "دبي", "Dubai", "Sheikh Zayed Road", "", 25.2048, 55.2708},
			{"Abu Dhabi", "أبوظبي", "Abu Dhabi", "Corniche Road", "", 24.4539, 54.3773},
			{"Sharjah", "الشارقة", "Sharjah", "Al Wahda Street", "", 25.3463, 55.4209},
		},
		places: []word{{"Khaleej", "الخليج"}, {"Marina", "المارينا"}, {"Lulu", "اللؤلؤ"}, {"Sahel", "الساحل"}, {"Ghaf", "الغاف"}, {"Barza", "البرزة"}},
		given:  arabGiven, family: gulfFamily,
	},
	"EG": {
		code: "EG", currency: "USD", locale: "ar-EG", zone: "Africa/Cairo", arabic: true, tax: "###-###-###",
		phones: []string{"+20222######", "+20233######"}, mobiles: []string{"+2010########", "+2012########"},
		cities: []city{
			{"Cairo", "القاهرة", "Cairo", "Talaat Harb Street", "11511", 30.0444, 31.2357},
			{"Alexandria", "الإسكندرية", "Alexandria", "Fouad Street", "21500", 31.2001, 29.9187},
		},
		places: []word{{"Nile", "النيل"}, {"Delta", "الدلتا"}, {"Fustat", "الفسطاط"}, {"Sphinx", "أبو الهول"}},
		given:  arabGiven, family: egyptFamily,
	},
	"GB": {
		code: "GB", currency: "GBP", locale: "en-GB", zone: london, tax: "GB#########",
		phones: []string{"+4420794600##", "+44161496####"}, mobiles: []string{"+4474009#####"},
		cities: []city{
			{"London", "", "Greater London", "Bishopsgate", "EC2M 4RB", 51.5155, -0.0807},
			{"Manchester", "", "Greater Manchester", "Deansgate", "M3 4LY", 53.4795, -2.2491},
			{"Leeds", "", "West Yorkshire", "The Headrow", "LS1 8TL", 53.7997, -1.5437},
		},
		places: []word{{latin: "Harrowgate"}, {latin: "Thames"}, {latin: "Pennine"}, {latin: "Bluebell"}, {latin: "Kestrel"}, {latin: "Northmoor"}},
		given:  britishGiven, family: britishFamily,
	},
	"DE": {
		code: "DE", currency: "EUR", locale: "de-DE", zone: "Europe/Berlin", tax: "DE#########",
		phones: []string{"+493023125###", "+494066969###"}, mobiles: []string{"+491713920###"},
		cities: []city{
			{"Berlin", "", "Berlin", "Torstraße 12", "10119", 52.5290, 13.4010},
			{"Hamburg", "", "Hamburg", "Große Bleichen 3", "20354", 53.5530, 9.9890},
		},
		places: []word{{latin: "Elbe"}, {latin: "Spree"}, {latin: "Löwen"}, {latin: "Morgenrot"}, {latin: "Küsten"}},
		given:  germanGiven, family: germanFamily,
	},
}

// markets are the countries that a team sells to, in turn.
var markets = map[string][]string{
	"riyadh": {"SA", "SA", "EG"},
	"dubai":  {"AE", "AE", "SA", "EG"},
	"london": {"GB", "DE", "GB"},
}

var (
	positions = []struct{ title, department word }{
		{word{"Purchasing manager", "مدير المشتريات"}, word{"Purchasing", "المشتريات"}},
		{word{"Managing director", "المدير العام"}, word{"Management", "الإدارة"}},
		{word{"Head of finance", "مدير المالية"}, word{"Finance", "المالية"}},
		{word{"Operations manager", "مدير العمليات"}, word{"Operations", "العمليات"}},
		{word{"Office manager", "مدير المكتب"}, word{"Administration", "الشؤون الإدارية"}},
		{word{"Technical director", "المدير التقني"}, word{"Technology", "التقنية"}},
		{word{"Sales director", "مدير المبيعات"}, word{"Sales", "المبيعات"}},
		{word{"Marketing lead", "مسؤول التسويق"}, word{"Marketing", "التسويق"}},
	}
	linkRoles = []string{"decision maker", "management", "billing", "delivery", "assistant", "technical", "sales", "marketing"}
	sources   = []string{"Trade fair", "Referral", "Web site", "Cold call", "Partner"}
	sizes     = []string{"SMALL_BUSINESS", "ENTERPRISE", "CHAIN", "RETAILER", "WHOLESALER", "GOVERNMENT", "NON_PROFIT"}
	channels  = []string{"EMAIL", "PHONE", "SMS", "CHAT"}
	demoTags  = []string{
		"Key account", "At risk", "New", "Renewal", "Ramadan campaign", "GITEX 2026", "LEAP 2026", "Newsletter", "VIP", "Reference",
		"Slow payer", "Export", "Tender", "عميل مميز", "يحتاج متابعة", "شريك", "Wholesale", "Samples sent", "Price list 2026", "Do not discount",
	}
	remarks = []struct {
		title, body string
		arabic      bool
	}{
		{"Visit", "Met at the fair; wants the new price list and **two samples** by the end of the month.", false},
		{"Call", "Called about the delayed delivery. Promised an answer by Thursday.", false},
		{"Budget", "Budget is approved for the next quarter. Decision maker is travelling until the 12th.", false},
		{"Language", "Prefers invoices in Arabic and English.", true},
		{"زيارة", "تمت زيارة العميل ومناقشة العقد السنوي، وطلب عرض سعر محدث.", true},
		{"اتصال", "اتصل العميل للاستفسار عن موعد التسليم.", true},
		{"Terms", "Asked for payment terms of 60 days; finance agreed to 45.", false},
		{"Competition", "Competitor offered 8 % less. Our delivery time is the argument.", false},
		{"Move", "New office opened; addresses updated.", false},
		{"Reference", "Very happy with the last order. Ready to act as a reference.", false},
	}
)
