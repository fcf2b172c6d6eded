//! The errors of Payme's protocol, in the three languages that it shows to people.

use slippers_core::payments::rules::Refusal;

use super::ACCOUNT;

/// An error of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: i64,
    pub(super) message: [&'static str; 3],
    pub(super) data: Option<&'static str>,
}

const fn fault(code: i64, message: [&'static str; 3]) -> Fault {
    Fault { code, message, data: None }
}

const fn account_fault(code: i64, message: [&'static str; 3]) -> Fault {
    Fault { code, message, data: Some(ACCOUNT) }
}

// In Russian, Uzbek and English.
pub(super) const NOT_POST: Fault = fault(-32300, ["Нужен метод POST", "POST usuli kerak", "POST is wanted"]);
pub(super) const NO_JSON: Fault =
    fault(-32700, ["Ошибка разбора JSON", "JSON xato", "The JSON can't be read"]);
pub(super) const BAD_FIELDS: Fault =
    fault(-32600, ["Не хватает полей", "Maydonlar yetishmaydi", "Fields are missing or wrong"]);
pub(super) const NO_METHOD: Fault = fault(-32601, ["Метод не найден", "Usul topilmadi", "No such method"]);
pub(super) const BAD_PARAMS: Fault =
    fault(-32602, ["Неверные параметры", "Parametrlar xato", "The parameters are wrong"]);
pub(super) const NO_RIGHTS: Fault =
    fault(-32504, ["Недостаточно прав", "Huquqlar yetarli emas", "The credentials are wrong"]);
pub(super) const INTERNAL: Fault =
    fault(-32400, ["Системная ошибка", "Tizim xatosi", "The shop has a problem"]);
pub(super) const NO_RECEIPT: Fault = fault(-32001, ["Чек не найден", "Chek topilmadi", "No such receipt"]);
pub(super) const WRONG_AMOUNT: Fault = fault(-31001, ["Неверная сумма", "Summa xato", "The amount is wrong"]);
pub(super) const NO_TRANSACTION: Fault =
    fault(-31003, ["Транзакция не найдена", "Tranzaksiya topilmadi", "No such transaction"]);
pub(super) const CANT_CANCEL: Fault =
    fault(-31007, ["Отмена невозможна", "Bekor qilib bo‘lmaydi", "It can't be cancelled"]);
pub(super) const CANT_PERFORM: Fault =
    fault(-31008, ["Операция невозможна", "Amalni bajarib bo‘lmaydi", "It can't be performed"]);
pub(super) const NO_ORDER: Fault =
    account_fault(-31050, ["Заказ не найден", "Buyurtma topilmadi", "No such order"]);
pub(super) const NOT_PAYABLE: Fault = account_fault(
    -31051,
    ["Заказ нельзя оплатить", "Buyurtmani to‘lab bo‘lmaydi", "The order can't be paid"],
);
pub(super) const BUSY: Fault = account_fault(
    -31052,
    ["Заказ уже оплачивается", "Buyurtma to‘lanmoqda", "The order is being paid already"],
);

/// The error that tells a refusal.
pub(super) const fn fault_of(refusal: Refusal) -> Fault {
    match refusal {
        Refusal::NoSuchOrder => NO_ORDER,
        Refusal::NotPayable(_) | Refusal::InReview => NOT_PAYABLE,
        Refusal::Busy => BUSY,
        Refusal::WrongAmount => WRONG_AMOUNT,
        Refusal::NoSuchPayment => NO_TRANSACTION,
        Refusal::CantReturn => CANT_CANCEL,
        Refusal::Overdue | Refusal::Ended(_) => CANT_PERFORM,
    }
}
