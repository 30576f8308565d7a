/// The bits of the scalars of one field, one after another.
package struct ProtobufScalars {
    /// How a scalar lies in the file.
    package enum Kind { case varint, fixed32, fixed64 }

    private var single: UInt64?
    private var packed: ByteCursor?
    private let kind: Kind
    private let message: String

    init(single bits: UInt64) {
        single = bits
        kind = .varint
        message = ""
    }

    init(packed: ByteCursor, kind: Kind, message: String) {
        self.packed = packed
        self.kind = kind
        self.message = message
    }

    var isWhole: Bool {
        switch kind {
        case .varint: true
        case .fixed32: (packed?.count ?? 0) % 4 == 0
        case .fixed64: (packed?.count ?? 0) % 8 == 0
        }
    }

    /// How many are left, found without reading them.
    package var count: Int {
        guard let packed else { return single == nil ? 0 : 1 }
        return switch kind {
        case .varint: packed.withUnsafeBytes { $0.count { $0 < 0x80 } }
        case .fixed32: packed.count / 4
        case .fixed64: packed.count / 8
        }
    }

    /// The next one's bits; nil at the end.
    package mutating func next() throws(ImportError) -> UInt64? {
        guard packed != nil else {
            defer { single = nil }
            return single
        }
        if packed?.isEmpty ?? true { return nil }
        return switch kind {
        case .varint: try packed?.varint(of: message)
        case .fixed32: try (packed?.integer(UInt32.self, of: message)).map { UInt64($0) }
        case .fixed64: try packed?.integer(UInt64.self, of: message)
        }
    }
}
