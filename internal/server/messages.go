package server

import (
	"fmt"

	"golang.org/x/text/language"
	"golang.org/x/text/message/catalog"
)

// arabic translates the English formats of this package, of package live and of package fault. Verbs keep their order.
func arabic() map[string]string {
	return map[string]string{
		"internal error":                                "خطأ داخلي",
		"The input is not valid.":                       "المدخلات غير صالحة.",
		"The operation was cancelled or took too long.": "أُلغيت العملية أو استغرقت وقتًا طويلًا.",
		"The database does not answer. Try again.":      "قاعدة البيانات لا تستجيب. أعد المحاولة.",
		"The database was lost while it was saving. What you sent may have been saved or not. With an idempotency key it is safe to send it again.": "انقطع الاتصال بقاعدة البيانات أثناء الحفظ. ربما حُفظ ما أرسلته وربما لم يُحفظ. إعادة الإرسال آمنة مع مفتاح عدم التكرار.",
		"Too many are writing the same records. Try again.": "كثيرون يكتبون السجلات نفسها. أعد المحاولة.",
		"This is not a valid id.":                           "هذا المعرّف غير صالح.",
		"The value does not fit its type.":                  "القيمة لا تناسب نوعها.",

		"The request exceeds the limit %q: %d, at most %d.":                 "يتجاوز الطلب الحد %q: %d، والحد الأقصى %d.",
		"The operation costs %d, and at most %d is allowed.":                "تكلفة العملية %d، والمسموح به %d على الأكثر.",
		"The budget is used up. Try again in %d s.":                         "نفدت الحصة المتاحة. أعد المحاولة بعد %d ثانية.",
		"Too many operations at a time: at most %d.":                        "عمليات متزامنة كثيرة جدًا: الحد الأقصى %d.",
		"The body is longer than %d bytes.":                                 "متن الطلب أطول من %d بايت.",
		"The directive @defer is not supported.":                            "التوجيه @defer غير مدعوم.",
		"The document has no operation.":                                    "لا يحتوي المستند على أي عملية.",
		"The document has several operations: operationName must name one.": "يحتوي المستند على عدة عمليات: يجب أن يحدد operationName واحدة منها.",
		"The document has no operation with this name.":                     "لا توجد في المستند عملية بهذا الاسم.",
		"Introspection is switched off.":                                    "استعراض المخطط معطّل.",
		"A variable is not valid: %s":                                       "أحد المتغيرات غير صالح: %s",
		"Subscriptions need a WebSocket or text/event-stream.":              "تحتاج الاشتراكات إلى WebSocket أو text/event-stream.",

		"PersistedQueryNotFound":                                                                            "PersistedQueryNotFound",
		"Only registered operations are allowed.":                                                           "لا يُسمح إلا بالعمليات المسجلة.",
		"The document does not have the hash that was sent with it.":                                        "لا تطابق بصمة المستند البصمة المرسلة معه.",
		"The store of persisted operations does not answer.":                                                "مخزن العمليات المحفوظة لا يستجيب.",
		"The manifest of operations is not a JSON object of strings.":                                       "بيان العمليات ليس كائن JSON من النصوص.",
		"The manifest of operations has a document under a wrong hash: %s.":                                 "في بيان العمليات مستند تحت بصمة خاطئة: %s.",
		"The extension persistedQuery needs version 1 and sha256Hash, 64 hexadecimal digits in lower case.": "يحتاج الامتداد persistedQuery إلى version 1 وsha256Hash من 64 رقمًا ستعشريًا بأحرف صغيرة.",

		"Files need the header GraphQL-Require-Preflight, with any value.": "تحتاج الملفات إلى الترويسة GraphQL-Require-Preflight بأي قيمة.",
		"Sign in to send files.":                                     "سجّل الدخول لإرسال الملفات.",
		"The form is not well-formed.":                               "النموذج غير سليم.",
		"Several operations in one request are not supported.":       "لا تُدعم عدة عمليات في طلب واحد.",
		"The form has a part that its map does not name.":            "في النموذج جزء لا تسمّيه خريطته.",
		"The form must have the part %s before the files.":           "يجب أن يأتي الجزء %s في النموذج قبل الملفات.",
		"The part map is not a JSON object of lists of paths.":       "الجزء map ليس كائن JSON من قوائم مسارات.",
		"The map names a place that is not a null in the variables.": "تسمّي الخريطة موضعًا ليس null في المتغيرات.",
		"The form lacks a file that its map names.":                  "ينقص النموذج ملف تسمّيه خريطته.",

		"The body is not JSON.":                                             "متن الطلب ليس JSON.",
		"The body must be one JSON object.":                                 "يجب أن يكون متن الطلب كائن JSON واحدًا.",
		"The body could not be read.":                                       "تعذّرت قراءة متن الطلب.",
		"The query string is not well-formed.":                              "سلسلة الاستعلام في العنوان غير سليمة.",
		"The parameter %s must be a string.":                                "يجب أن تكون المعلمة %s نصًا.",
		"The parameter %s must be an object.":                               "يجب أن تكون المعلمة %s كائنًا.",
		"The parameter query is missing.":                                   "المعلمة query مفقودة.",
		"GET allows queries only. Use POST.":                                "لا يسمح GET إلا بالاستعلامات. استخدم POST.",
		"This method is not allowed here.":                                  "هذه الطريقة غير مسموح بها هنا.",
		"The content type must be application/json.":                        "يجب أن يكون نوع المحتوى application/json.",
		"The charset must be utf-8.":                                        "يجب أن يكون الترميز utf-8.",
		"The content encoding is not supported.":                            "ترميز المحتوى غير مدعوم.",
		"None of the accepted content types can be given.":                  "لا يمكن تقديم أي من أنواع المحتوى المقبولة.",
		"Requests from this origin are not allowed.":                        "الطلبات من هذا المصدر غير مسموح بها.",
		"There is nothing at this address.":                                 "لا يوجد شيء في هذا العنوان.",
		"The authorization must be a bearer token.":                         "يجب أن يكون التفويض رمز Bearer.",
		"The Idempotency-Key must have 1 to %d printable ASCII characters.": "يجب أن يتكوّن Idempotency-Key من 1 إلى %d محرف ASCII قابل للطباعة.",
		"The server gave no answer.":                                        "لم يقدّم الخادم إجابة.",

		"A mutation needs POST.":                              "التعديل يحتاج إلى POST.",
		"A request may have %d bytes.":                        "يُسمح للطلب بـ %d بايت.",
		"At most %d operations may run on one socket.":        "يُسمح بـ %d عملية على الأكثر في الاتصال الواحد.",
		"The operation took too long.":                        "استغرقت العملية وقتًا طويلًا.",
		"The reader did not keep up. Resume from the cursor.": "لم يواكب القارئ البث. تابع من المؤشر.",
		"The request is not a well-formed GraphQL request.":   "الطلب ليس طلب GraphQL سليمًا.",
		"The server is shutting down. Connect again.":         "الخادم قيد الإيقاف. أعد الاتصال.",
		"The session has ended. Sign in again.":               "انتهت الجلسة. سجّل الدخول من جديد.",
		"The ticket is not valid.":                            "التذكرة غير صالحة.",
		"The token belongs to somebody else.":                 "الرمز يخص شخصًا آخر.",
		"The token is not valid.":                             "الرمز غير صالح.",
		"Who you are cannot be checked now. Try again.":       "تعذّر التحقق من هويتك الآن. أعد المحاولة.",
	}
}

// newCatalog holds every message in Arabic; English is the key itself.
func newCatalog(translations map[string]string) (catalog.Catalog, error) {
	texts := catalog.NewBuilder(catalog.Fallback(language.English))
	for _, source := range []map[string]string{arabic(), translations} {
		for english, translated := range source {
			if err := texts.SetString(language.Arabic, english, translated); err != nil {
				return nil, fmt.Errorf("translate %q: %w", english, err)
			}
		}
	}
	return texts, nil
}
