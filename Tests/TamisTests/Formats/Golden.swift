/// Files and messages made by the libraries whose formats they are, numpy 2.4.6 and onnx 1.23.2. Each says by which
/// Python lines, after
///
///     import gzip, io, numpy as np, onnx, struct
///     from onnx import helper as h, TensorProto as T
///     def save(array, version=(1, 0)):
///         file = io.BytesIO()
///         np.lib.format.write_array(file, array, version=version)
///         return file.getvalue()
enum Golden {
    /// An array in C order.
    ///
    ///     save(np.arange(6, dtype='<f4').reshape(2, 3) / 4)
    static let npyFloat = bytes(
        """
        934e554d5059010076007b276465736372273a20273c6634272c2027666f727472616e5f6f72646572273a2046616c73652c2027\
        7368617065273a2028322c2033292c207d2020202020202020202020202020202020202020202020202020202020202020202020\
        20202020202020202020202020202020202020202020200a000000000000803e0000003f0000403f0000803f0000a03f
        """)

    /// An array in Fortran order.
    ///
    ///     save(np.asfortranarray(np.arange(24, dtype='<i2').reshape(2, 3, 4)))
    static let npyFortran = bytes(
        """
        934e554d5059010076007b276465736372273a20273c6932272c2027666f727472616e5f6f72646572273a20547275652c202773\
        68617065273a2028322c20332c2034292c207d202020202020202020202020202020202020202020202020202020202020202020\
        20202020202020202020202020202020202020202020200a00000c00040010000800140001000d00050011000900150002000e00\
        060012000a00160003000f00070013000b001700
        """)

    /// Big-endian doubles.
    ///
    ///     save(np.array([1.5, -2.25], dtype='>f8'))
    static let npyBigEndian = bytes(
        """
        934e554d5059010076007b276465736372273a20273e6638272c2027666f727472616e5f6f72646572273a2046616c73652c2027\
        7368617065273a2028322c292c207d20202020202020202020202020202020202020202020202020202020202020202020202020\
        20202020202020202020202020202020202020202020200a3ff8000000000000c002000000000000
        """)

    /// Big-endian complex numbers in Fortran order, version 2.
    ///
    ///     save(np.asfortranarray(np.array([[1 + 2j, 3 + 4j], [5 + 6j, 7 + 8j]], dtype='>c8')), (2, 0))
    static let npyBigEndianFortran = bytes(
        """
        934e554d50590200740000007b276465736372273a20273e6338272c2027666f727472616e5f6f72646572273a20547275652c20\
        277368617065273a2028322c2032292c207d20202020202020202020202020202020202020202020202020202020202020202020\
        20202020202020202020202020202020202020202020200a3f8000004000000040a0000040c00000404000004080000040e00000\
        41000000
        """)

    /// An array without axes, version 3.
    ///
    ///     save(np.array(7, dtype='<u8'), (3, 0))
    static let npyScalar = bytes(
        """
        934e554d50590300740000007b276465736372273a20273c7538272c2027666f727472616e5f6f72646572273a2046616c73652c\
        20277368617065273a2028292c207d20202020202020202020202020202020202020202020202020202020202020202020202020\
        20202020202020202020202020202020202020202020200a0700000000000000
        """)

    /// Booleans.
    ///
    ///     save(np.array([True, False, True]))
    static let npyBool = bytes(
        """
        934e554d5059010076007b276465736372273a20277c6231272c2027666f727472616e5f6f72646572273a2046616c73652c2027\
        7368617065273a2028332c292c207d20202020202020202020202020202020202020202020202020202020202020202020202020\
        20202020202020202020202020202020202020202020200a010001
        """)

    /// An array without elements.
    ///
    ///     save(np.zeros((0, 3), dtype='<f2'))
    static let npyEmpty = bytes(
        """
        934e554d5059010076007b276465736372273a20273c6632272c2027666f727472616e5f6f72646572273a2046616c73652c2027\
        7368617065273a2028302c2033292c207d2020202020202020202020202020202020202020202020202020202020202020202020\
        20202020202020202020202020202020202020202020200a
        """)

    /// Text, which tensors cannot hold.
    ///
    ///     save(np.array(['ab', 'c']))
    static let npyText = bytes(
        """
        934e554d5059010076007b276465736372273a20273c5532272c2027666f727472616e5f6f72646572273a2046616c73652c2027\
        7368617065273a2028322c292c207d20202020202020202020202020202020202020202020202020202020202020202020202020\
        20202020202020202020202020202020202020202020200a61000000620000006300000000000000
        """)

    /// Records, which tensors cannot hold.
    ///
    ///     save(np.zeros(1, dtype=[('a', '<f4'), ('b', '<i4')]))
    static let npyRecords = bytes(
        """
        934e554d5059010076007b276465736372273a205b282761272c20273c663427292c20282762272c20273c693427295d2c202766\
        6f727472616e5f6f72646572273a2046616c73652c20277368617065273a2028312c292c207d2020202020202020202020202020\
        20202020202020202020202020202020202020202020200a0000000000000000
        """)

    /// A convolution and its activation.
    ///
    ///     weights = h.make_tensor('w', T.FLOAT, [2, 1, 1, 1], struct.pack('<2f', 0.5, -1), raw=True)
    ///     node = h.make_node('Conv', ['x', 'w'], ['y'], 'conv', pads=[0, 0, 0, 0], group=1, auto_pad='NOTSET')
    ///     relu = h.make_node('LeakyRelu', ['y'], ['z'], alpha=0.25)
    ///     x = h.make_tensor_value_info('x', T.FLOAT, ['batch', 1, None, 4])
    ///     z = h.make_tensor_value_info('z', T.FLOAT, ['batch', 2, None, 4])
    ///     graph = h.make_graph([node, relu], 'g', [x], [z], [weights], doc_string='two nodes')
    ///     model = h.make_model(graph, opset_imports=[h.make_opsetid('', 17)], ir_version=8, producer_name='test')
    ///     model.SerializeToString()
    static let convolution = bytes(
        """
        08081204746573743ada010a4d0a01780a01771201791a04636f6e762204436f6e762a150a086175746f5f70616422064e4f5453\
        4554a001032a0c0a0567726f75701801a001022a110a04706164734000400040004000a001070a220a017912017a22094c65616b\
        7952656c752a0f0a05616c706861150000803ea001011201672a17080208010801080110014201774a080000003f000080bf5209\
        74776f206e6f6465735a1e0a017812190a17080112130a07120562617463680a0208010a000a020804621e0a017a12190a170801\
        12130a07120562617463680a0208020a000a02080442040a001011
        """)

    /// Every kind of attribute and of type, a function and metadata.
    ///
    ///     unit = h.make_tensor('unit', T.INT8, [2], [1, -1])
    ///     out = h.make_tensor_value_info('o', T.FLOAT, None)
    ///     body = h.make_graph([h.make_node('Relu', ['x'], ['o'])], 'body', [], [out])
    ///     kind = h.make_tensor_type_proto(T.INT64, [3])
    ///     seq, opt = h.make_sequence_type_proto(kind), h.make_optional_type_proto(kind)
    ///     table = h.make_map_type_proto(T.STRING, kind)
    ///     values = dict(f=1.5, i=-7, s='text', t=unit, g=body, tp=seq, fs=[1.0, 2.5], ns=[1, -2, 3],
    ///                   ss=['a', 'b'], ts=[unit, unit], gs=[body], tps=[kind, opt])
    ///     node = h.make_node('Custom', ['x', ''], ['a', 'b'], 'n', 'about', 'my.domain', 'v2', **values)
    ///     empty = onnx.AttributeProto(name='none', type=onnx.AttributeProto.INTS)
    ///     sparse = onnx.AttributeProto(name='sparse', type=onnx.AttributeProto.SPARSE_TENSOR)
    ///     sparse.sparse_tensor.dims.append(3)
    ///     node.attribute.extend([empty, sparse])
    ///     types = [h.make_value_info(n, t) for n, t in zip('stu', [seq, opt, table])]
    ///     graph = h.make_graph([node], 'main', types, [out], value_info=[h.make_tensor_value_info('v', 28, [])])
    ///     ref = onnx.AttributeProto(name='alpha', ref_attr_name='slope', type=onnx.AttributeProto.FLOAT)
    ///     leak = h.make_node('LeakyRelu', ['p'], ['q'])
    ///     leak.attribute.append(ref)
    ///     sets = [h.make_opsetid('', 21), h.make_opsetid('my.domain', 1)]
    ///     function = h.make_function('my.domain', 'Leak', ['p'], ['q'], [leak], sets[:1], ['slope'])
    ///     model = h.make_model(graph, opset_imports=sets, functions=[function], ir_version=10)
    ///     h.set_model_props(model, {'author': 'nobody'})
    ///     model.SerializeToString()
    static let everything = bytes(
        """
        080a3a81040a9f030a01780a001201611201621a016e2206437573746f6d2a0b0a0166150000c03fa001012a110a0266733d0000\
        803f3d00002040a001062a270a0167321f0a0c0a017812016f220452656c751204626f647962090a016f12040a020801a001052a\
        280a0267735a1f0a0c0a017812016f220452656c751204626f647962090a016f12040a020801a0010a2a110a016918f9ffffffff\
        ffffffff01a001022a160a026e73400140feffffffffffffffff014003a001072a0c0a0173220474657874a001032a0d0a027373\
        4a01614a0162a001082a1f0a01742a17080210032a0b01ffffffffffffffffff014204756e6974a001042a170a027470720e220c\
        0a0a0a08080712040a020803a0010d2a240a037470737a0a0a08080712040a0208037a0e4a0c0a0a0a08080712040a020803a001\
        0e2a390a0274735217080210032a0b01ffffffffffffffffff014204756e69745217080210032a0b01ffffffffffffffffff0142\
        04756e6974a001092a090a046e6f6e65a001072a100a06737061727365a0010bb201021803320561626f75743a096d792e646f6d\
        61696e4202763212046d61696e5a130a0173120e220c0a0a0a08080712040a0208035a130a0174120e4a0c0a0a0a08080712040a\
        0208035a150a017512102a0e0808120a0a08080712040a02080362090a016f12040a0208016a0b0a017612060a04081c12004204\
        0a001015420d0a096d792e646f6d61696e100172100a06617574686f7212066e6f626f6479ca014b0a044c65616b2201702a0171\
        3205736c6f70653a250a017012017122094c65616b7952656c752a120a05616c706861a00101aa0105736c6f70654a040a001015\
        52096d792e646f6d61696e
        """)

    /// A tensor whose elements are in another file.
    ///
    ///     tensor = onnx.TensorProto(name='big', data_type=T.FLOAT, dims=[4], data_location=T.EXTERNAL)
    ///     tensor.external_data.add(key='location', value='weights.bin')
    ///     tensor.external_data.add(key='length', value='16')
    ///     tensor.SerializeToString()
    static let external = bytes(
        """
        0804100142036269676a170a086c6f636174696f6e120b776569676874732e62696e6a0c0a066c656e677468120231367001
        """)

    /// A sequence of two tensors, an `.pb` file as the tests of ONNX have them.
    ///
    ///     from onnx import numpy_helper
    ///     arrays = [np.array([1, 2], dtype=np.int64), np.array([[0.5]], dtype=np.float32)]
    ///     numpy_helper.from_list(arrays, 'list').SerializeToString()
    static let sequence = bytes(
        """
        0a046c69737410011a16080210074a10010000000000000002000000000000001a0c0801080110014a040000003f
        """)

    /// An optional that holds a tensor.
    ///
    ///     from onnx import numpy_helper
    ///     numpy_helper.from_optional(np.array([3], dtype=np.uint8), 'maybe').SerializeToString()
    static let optionalTensor = bytes(
        """
        0a056d6179626510011a07080110024a0103
        """)

    /// An optional that holds nothing.
    ///
    ///     from onnx import numpy_helper
    ///     numpy_helper.from_optional(None, 'maybe', onnx.OptionalProto.TENSOR).SerializeToString()
    static let optionalNone = bytes(
        """
        0a056d617962651001
        """)

    /// Bytes of 2 × 3 in a gzip member.
    ///
    ///     gzip.compress(bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6]), mtime=0)
    static let idxGzip = bytes(
        """
        1f8b08000000000002036360e0606260600061664626661656360048943ee512000000
        """)

    /// Two members.
    ///
    ///     gzip.compress(bytes([0, 0, 8, 1]), mtime=0) + gzip.compress(bytes([0, 0, 0, 2, 7, 9]), mtime=0)
    static let gzipMembers = bytes(
        """
        1f8b08000000000002036360e060040082659a9e040000001f8b08000000000002036360606062e70400ae5bdb8406000000
        """)

    /// A member of 1,000,000 zeros.
    ///
    ///     gzip.compress(bytes(1_000_000), mtime=0)
    static let gzipBomb = bytes(
        """
        1f8b0800000000000203edc101010000008220ffaf6e484001000000000000000000000000000000000000000000000000000000\
        00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\
        0000000000af069ecb791240420f00
        """)

    /// Tensors "t" of three elements of each type, in its typed field and as raw data.
    ///
    ///     typed = h.make_tensor('t', number, [3], values)
    ///     raw = onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(typed), 't')
    static let elements: [ElementCase] = [
        ElementCase(
            .float32,
            typed: "08031001220c0000c03f000000c000004040420174",
            raw: "080310014201744a0c0000c03f000000c000004040"),
        ElementCase(
            .uint8,
            typed: "080310022a0500c801ff01420174",
            raw: "080310024201744a0300c8ff"),
        ElementCase(
            .int8,
            typed: "080310032a0c80ffffffffffffffff01007f420174",
            raw: "080310034201744a0380007f"),
        ElementCase(
            .uint16,
            typed: "080310042a0500ffff0301420174",
            raw: "080310044201744a060000ffff0100"),
        ElementCase(
            .int16,
            typed: "080310052a0c8080feffffffffffff010005420174",
            raw: "080310054201744a06008000000500"),
        ElementCase(
            .int32,
            typed: "080310062a1080808080f8ffffffff0100ffffffff07420174",
            raw: "080310064201744a0c0000008000000000ffffff7f"),
        ElementCase(
            .int64,
            typed: "080310073a148080808080808080800100ffffffffffffffff7f420174",
            raw: "080310074201744a1800000000000000800000000000000000ffffffffffffff7f"),
        ElementCase(
            .bool,
            typed: "080310092a03010001420174",
            raw: "080310094201744a03010001"),
        ElementCase(
            .float16,
            typed: "0803100a2a08807c808003fff701420174",
            raw: "0803100a4201744a06003e00c0ff7b"),
        ElementCase(
            .float64,
            typed: "0803100b4201745218000000000000f83f00000000000000c09c7500883ce4377e",
            raw: "0803100b4201744a18000000000000f83f00000000000000c09c7500883ce4377e"),
        ElementCase(
            .uint32,
            typed: "0803100c4201745a0700ffffffff0f07",
            raw: "0803100c4201744a0c00000000ffffffff07000000"),
        ElementCase(
            .uint64,
            typed: "0803100d4201745a0c00ffffffffffffffffff0107",
            raw: "0803100d4201744a180000000000000000ffffffffffffffff0700000000000000"),
        ElementCase(
            .complex64,
            typed: "0803100e22180000803f0000004000000080000060c00000804000000000420174",
            raw: "0803100e4201744a180000803f0000004000000080000060c00000804000000000"),
        ElementCase(
            .complex128,
            typed: "0803100f4201745230000000000000f03f000000000000004000000000000000"
                + "800000000000000cc000000000000010400000000000000000",
            raw: "0803100f4201744a30000000000000f03f000000000000004000000000000000"
                + "800000000000000cc000000000000010400000000000000000"),
        ElementCase(
            .bfloat16,
            typed: "080310102a08c07f808003c08001420174",
            raw: "080310104201744a06c03f00c04040"),
        ElementCase(
            .float8e4m3fn,
            typed: "080310112a03303840420174",
            raw: "080310114201744a03303840"),
        ElementCase(
            .float8e4m3fnuz,
            typed: "080310122a03384048420174",
            raw: "080310124201744a03384048"),
        ElementCase(
            .float8e5m2,
            typed: "080310132a03383c40420174",
            raw: "080310134201744a03383c40"),
        ElementCase(
            .float8e5m2fnuz,
            typed: "080310142a033c4044420174",
            raw: "080310144201744a033c4044"),
        ElementCase(
            .uint4,
            typed: "080310152a03f10109420174",
            raw: "080310154201744a02f109"),
        ElementCase(
            .int4,
            typed: "080310162a02780f420174",
            raw: "080310164201744a02780f"),
        ElementCase(
            .float4e2m1,
            typed: "080310172a03c30107420174",
            raw: "080310174201744a02c307"),
        ElementCase(
            .float8e8m0,
            typed: "080310182a047e7f8001420174",
            raw: "080310184201744a037e7f80"),
        ElementCase(
            .uint2,
            typed: "080310192a012d420174",
            raw: "080310194201744a012d"),
        ElementCase(
            .int2,
            typed: "0803101a2a0136420174",
            raw: "0803101a4201744a0136"),
    ]

    /// A tensor of strings.
    ///
    ///     h.make_tensor('s', T.STRING, [2], ['sieve', 'tamis é']).SerializeToString()
    static let strings = bytes(
        """
        0802100832057369657665320874616d697320c3a9420173
        """)
}
